/** What the `application` plugin starts: it has said so in three ways since Gradle 4. */
package io.binaryfs.gradle

import org.gradle.api.Project

/** Properties are asked for by name, so this is not compiled statically. */
final class Application {

    private Application() {}

    /** @return null where the plugin is not applied or no class is named */
    static String mainClass(Project project) {
        def application = project.extensions.findByName('application')
        if (application?.hasProperty('mainClass')) return application.mainClass.getOrNull()
        if (application != null) return application.mainClassName
        project.hasProperty('mainClassName') ? project.property('mainClassName') : null
    }

    static List<String> jvmArgs(Project project) {
        def application = project.extensions.findByName('application')
        if (application != null) return application.applicationDefaultJvmArgs.collect { it.toString() }
        project.hasProperty('applicationDefaultJvmArgs') ? project.property('applicationDefaultJvmArgs').collect { it.toString() } : []
    }
}
