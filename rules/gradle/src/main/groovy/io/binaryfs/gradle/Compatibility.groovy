/** What differs between the Gradle versions, and nothing else: lazy files came with 5.0, lazy tasks with 4.9. */
package io.binaryfs.gradle

import org.gradle.api.Action
import org.gradle.api.Project
import org.gradle.api.Task
import org.gradle.api.file.DirectoryProperty
import org.gradle.api.file.RegularFileProperty

/** Methods are asked for by name, so this is not compiled statically. */
final class Compatibility {

    private Compatibility() {}

    /** @param configure takes the task; where Gradle can, it is called only if the task is needed */
    static void createTask(Project project, String name, Class<? extends Task> type, Closure<?> configure) {
        def action = { configure.call(it) } as Action
        if (project.tasks.respondsTo('register', String, Class, Action)) project.tasks.register(name, type, action)
        else project.tasks.create(name, type, action)
    }

    static DirectoryProperty directory(Project project) {
        project.objects.respondsTo('directoryProperty') ? project.objects.directoryProperty() : project.layout.directoryProperty()
    }

    static RegularFileProperty file(Project project) {
        project.objects.respondsTo('fileProperty') ? project.objects.fileProperty() : project.layout.fileProperty()
    }

    /** Before 5.0 only what the task itself hands out tells its consumers who makes the file. */
    static RegularFileProperty outputFile(Task task) {
        def objects = task.project.objects
        objects.respondsTo('fileProperty') ? objects.fileProperty() : task.newOutputFile()
    }
}
