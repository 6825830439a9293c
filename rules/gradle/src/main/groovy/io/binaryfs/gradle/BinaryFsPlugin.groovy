/** Plugin `io.binaryfs`: an extension and two tasks, all named after what they make. */
package io.binaryfs.gradle

import org.gradle.api.Plugin
import org.gradle.api.Project

class BinaryFsPlugin implements Plugin<Project> {

    /** Name of the extension, and of the task that packs the image. */
    static final String IMAGE = 'binaryFs'
    /** Name of the task that runs it. */
    static final String RUN = 'runBinaryFs'

    @Override
    void apply(Project project) {
        def image = project.extensions.create(IMAGE, BinaryFsExtension, project)
        project.plugins.withId('java') {
            // By a closure: a build script may still put another file collection in its place.
            image.classpath.from { project.property('sourceSets').main.runtimeClasspath }
        }
        Compatibility.createTask(project, IMAGE, BinaryFsTask) { BinaryFsTask task ->
            task.group = 'build'
            task.description = 'Packs the runtime classpath and a JDK into one shared library.'
            task.image = image
        }
        Compatibility.createTask(project, RUN, RunBinaryFs) { RunBinaryFs task ->
            def packing = project.tasks.getByName(IMAGE) as BinaryFsTask
            task.group = 'application'
            task.description = 'Runs the application from the library, with the image as its file system.'
            task.dependsOn(packing)
            task.library.set(packing.library)
            task.command.set(packing.command)
            def args = project.findProperty('binaryfs.args')
            if (args != null) task.args(args.toString().tokenize())
        }
    }
}
