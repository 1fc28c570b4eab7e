#ifndef ADMIN_OPENAPI_H
#define ADMIN_OPENAPI_H
/* schemas/http/openapi.json, built into the binary (CMakeLists.txt). */
extern const char openapi_text[];
#endif
