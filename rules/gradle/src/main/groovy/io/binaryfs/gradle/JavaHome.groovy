/** The JDK that is packed: which one, and which parts of it no running program opens. */
package io.binaryfs.gradle

import org.gradle.api.Project

/** The toolchain is asked for by name: it came with Gradle 6.7. */
final class JavaHome {

    /** What link-time, development and a desktop need. `libfontmanager.so` stays: servers draw text, too. */
    static final List<String> EXCLUDES = [
        'jmods/**', 'include/**', 'man/**', 'docs/**', 'demo/**', 'sample/**', 'src.zip', 'lib/src.zip', 'lib/ct.sym',
        'lib/libawt_xawt.so', 'lib/libjawt.so', 'lib/libsplashscreen.so', 'lib/libatk-wrapper.so',
    ].asImmutable()

    private JavaHome() {}

    static File of(Project project) {
        def java = project.extensions.findByName('java')
        def service = project.extensions.findByName('javaToolchains')
        // Before 7.0 there is no launcher where the build script asks for no version.
        def launcher = java?.hasProperty('toolchain') && service != null ? service.launcherFor(java.toolchain).getOrNull() : null
        launcher == null ? new File(System.getProperty('java.home')) : launcher.metadata.installationPath.asFile
    }
}
