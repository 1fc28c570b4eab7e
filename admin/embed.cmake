# Writes the bytes of FROM as the array openapi_text into the C file TO.
file(READ ${FROM} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${TO} "#include \"openapi.h\"\nconst char openapi_text[] = { ${bytes} 0 };\n")
