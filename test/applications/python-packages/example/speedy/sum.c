/* A module in C: the sum of an iterable of integers, and the file that the dynamic loader has it from. */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

static PyObject *total(PyObject *self, PyObject *iterable) {
	long sum = 0;
	PyObject *iterator = PyObject_GetIter(iterable), *item;
	(void)self;
	if (iterator == NULL) return NULL;
	while ((item = PyIter_Next(iterator)) != NULL) {
		sum += PyLong_AsLong(item);
		Py_DECREF(item);
	}
	Py_DECREF(iterator);
	return PyErr_Occurred() ? NULL : PyLong_FromLong(sum);
}

static PyObject *where(PyObject *self, PyObject *nothing) {
	static int place;
	Dl_info info;
	(void)self, (void)nothing;
	return PyUnicode_FromString(dladdr(&place, &info) ? info.dli_fname : "");
}

static PyMethodDef methods[] = { { "total", total, METH_O, NULL }, { "where", where, METH_NOARGS, NULL }, { NULL, NULL, 0, NULL } };
static struct PyModuleDef module = { PyModuleDef_HEAD_INIT, .m_name = "_sum", .m_size = -1, .m_methods = methods };

PyMODINIT_FUNC PyInit__sum(void) { return PyModule_Create(&module); }
