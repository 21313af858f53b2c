/* json_get PATH < json: the value at a path such as devices.0.id; texts as they are, all else as JSON; "#" at
 * its end counts elements. Exit 1 when the input is not JSON or has nothing there. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

static cJSON *step(cJSON *at, const char *name) {
    if (cJSON_IsArray(at)) return cJSON_GetArrayItem(at, atoi(name));
    return cJSON_GetObjectItemCaseSensitive(at, name);
}

int main(int argc, char **argv) {
    static char text[1 << 24];
    size_t n = fread(text, 1, sizeof text - 1, stdin);
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, n + 1, &end, 1), *at = root; /* nothing may follow */
    if (!root || argc != 2) {
        fprintf(stderr, "json_get: not JSON near '%.40s'\n", end ? end : "");
        return 1;
    }
    bool count = false;
    for (char *name = strtok(argv[1], "."); name && at && !count; name = strtok(NULL, ".")) {
        count = !strcmp(name, "#");
        if (!count) at = step(at, name);
    }
    char *json = cJSON_PrintUnformatted(at);
    if (!at)
        fprintf(stderr, "json_get: nothing there\n");
    else if (count)
        printf("%d\n", cJSON_GetArraySize(at));
    else if (cJSON_IsString(at))
        printf("%s", at->valuestring);
    else
        printf("%s\n", json);
    cJSON_free(json);
    int rc = at == NULL;
    cJSON_Delete(root);
    return rc;
}
