/* A PIE Python interpreter where the machine has none that an unprivileged user may read: Debian's libpython, embedded. */
#include <Python.h>

int main(int argc, char **argv) { return Py_BytesMain(argc, argv); }
