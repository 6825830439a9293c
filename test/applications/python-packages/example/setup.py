from setuptools import Extension, setup

setup(
    name="speedy",
    version="1.0",
    packages=["speedy"],
    package_data={"speedy": ["data.txt"]},
    ext_modules=[Extension("speedy._sum", ["speedy/sum.c"])],
    entry_points={"console_scripts": ["speedy = speedy:main"]},
)
