"""Conan 2 recipe of the checkout that holds it: conan create packaging/conan. The package is the runtime, with the option full also
what imports and quantizes, and with the option tools the command: the full one or the small one. ConanCenter's only recipe of
oneDNN is for Conan 1, so full takes a oneDNN of your own or the system's (docs/packaging.md)."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir


class NarrowConan(ConanFile):
    name = "narrow"
    description = "Runs quantized image-classification networks in integer arithmetic on x86 and ARM CPUs"
    license = "Apache-2.0"
    topics = ("quantization", "inference", "neural-networks", "image-classification")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False], "full": [True, False], "tools": [True, False]}
    default_options = {"shared": False, "fPIC": True, "full": False, "tools": False}
    implements = ["auto_shared_fpic"]

    @property
    def _checkout(self):
        return os.path.join(self.recipe_folder, os.pardir, os.pardir)

    def set_version(self):
        header = load(self, os.path.join(self._checkout, "include", "narrow", "detail", "version_numbers.h"))
        self.version = ".".join(re.findall(r"#define NARROW_VERSION_[A-Z]+ ([0-9]+)", header))

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "THIRD_PARTY.md", "apps/*", "base/*", "cmake/*", "engine/*", "exporters/*",
                        "floating/*", "graph/*", "importers/*", "include/*", "kernels/*", "measure/*", "models/*.nrw",
                        "pipeline/*", "quantize/*", "rewrites/*"):
            copy(self, pattern, self._checkout, self.export_sources_folder)

    def validate(self):
        if self.settings.os != "Linux" or self.settings.arch not in ("x86_64", "armv8"):
            raise ConanInvalidConfiguration("Narrow runs on Linux on 64-bit x86 and ARM CPUs")
        if self.options.full and self.settings.arch != "x86_64":
            raise ConanInvalidConfiguration("Importing and quantizing are for x86 CPUs")
        check_min_cppstd(self, 20)

    def requirements(self):
        if self.options.full or self.options.tools:  # headers, and what decodes images
            for reference in ("nlohmann_json/3.11.3", "stb/cci.20230920"):
                self.requires(reference, visible=False)
            for reference in ("zlib/[>=1.2.11 <2]", "libjpeg-turbo/3.0.2"):
                self.requires(reference, visible=bool(self.options.full))  # who links the library links them
        if self.options.tools:
            self.requires("cli11/2.4.2", visible=False)
        if self.options.full:
            for reference in ("eigen/3.4.0", "protozero/1.7.1"):
                self.requires(reference, visible=False)
            for reference in ("onednn/[>=2.6 <4]", "libzip/[>=1.7 <2]"):
                self.requires(reference)

    def layout(self):
        cmake_layout(self)

    @property
    def _packages(self):
        """Names of the dependencies that are packages of Conan. The others are the system's (platform_requires)."""
        return {dependency.ref.name for dependency in self.dependencies.host.values()}

    def generate(self):
        if self.options.full and "libzip" not in self._packages:  # the system's configurations may be incomplete
            self.conf.define("tools.cmake.cmaketoolchain:find_package_prefer_config", False)
        dependencies = CMakeDeps(self)
        dependencies.set_property("onednn", "cmake_file_name", "dnnl")
        dependencies.set_property("onednn", "cmake_target_name", "DNNL::dnnl")
        dependencies.generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables.update({
            "NARROW_BUILD_FULL": bool(self.options.full),
            "NARROW_BUILD_APPS": bool(self.options.tools),
            # Nothing is linked that is not required above.
            "CMAKE_DISABLE_FIND_PACKAGE_TIFF": True,
            "CMAKE_DISABLE_FIND_PACKAGE_GIF": True,
            "CMAKE_DISABLE_FIND_PACKAGE_NarrowWebP": True,
            "NARROW_BUILD_TESTS": False,
            "NARROW_BUILD_BENCH": False,
            "NARROW_WARNINGS_AS_ERRORS": False,
        })
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        for notice in ("LICENSE", "THIRD_PARTY.md"):
            copy(self, notice, self.source_folder, os.path.join(self.package_folder, "licenses"))
        # Conan writes what CMake and pkg-config read.
        for folder in ("lib/cmake", "lib/pkgconfig", "share/doc"):
            rmdir(self, os.path.join(self.package_folder, folder))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "narrow")
        self.cpp_info.set_property("cmake_target_name", "narrow::all")  # Conan's name for all components would be narrow::narrow
        self.cpp_info.set_property("pkg_config_name", "narrow")
        runtime = self.cpp_info.components["runtime"]
        runtime.set_property("cmake_target_name", "narrow::runtime")
        runtime.libs = ["narrow"]
        runtime.system_libs = ["m", "pthread"]
        if self.options.shared:
            runtime.defines = ["NARROW_SHARED"]
        else:
            runtime.exelinkflags = ["-Wl,--gc-sections"]
        if self.options.full:
            full = self.cpp_info.components["full"]
            full.set_property("cmake_target_name", "narrow::narrow")
            full.libs = ["narrow_full"]
            full.system_libs = ["m", "pthread", "dl"]
            for package, library in (("onednn", "dnnl"), ("libzip", "zip"), ("zlib", "z"), ("libjpeg-turbo", "jpeg")):
                if package in self._packages:
                    full.requires.append(f"{package}::{package}")
                else:
                    full.system_libs.append(library)
            full.defines = ["NARROW_SHARED"] if self.options.shared else []
