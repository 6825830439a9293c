/** Runs the application of a library, which is its own launcher. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic
import org.gradle.api.file.RegularFileProperty
import org.gradle.api.provider.ListProperty
import org.gradle.api.provider.Property
import org.gradle.api.tasks.AbstractExecTask
import org.gradle.api.tasks.Input
import org.gradle.api.tasks.InputFile
import org.gradle.api.tasks.Optional
import org.gradle.api.tasks.PathSensitive
import org.gradle.api.tasks.PathSensitivity
import org.gradle.api.tasks.TaskAction

/** Options of Gradle's `Exec` hold, such as `environment` and `ignoreExitValue`; `args` are the application's. It has no outputs, so it is never up to date. */
@CompileStatic
class RunBinaryFs extends AbstractExecTask<RunBinaryFs> {

    /** The library. */
    @InputFile
    @PathSensitive(PathSensitivity.NONE)
    final RegularFileProperty library = Compatibility.file(project)

    /** Program and first arguments, as paths in the image. */
    @Input
    final ListProperty<String> command = project.objects.listProperty(String)

    /** Options of the JVM for this run, before those that are kept in the image. */
    @Input
    final ListProperty<String> jvmArgs = project.objects.listProperty(String)

    /** Further paths of the host that the program sees, unprotected. */
    @Input
    final ListProperty<String> hostPaths = project.objects.listProperty(String)

    /** Volumes, `GUEST=HOST`. */
    @Input
    final ListProperty<String> volumes = project.objects.listProperty(String)

    /** Memory for what the program writes, such as `512M`. Default: half of the machine's. */
    @Input
    @Optional
    final Property<String> overlaySize = project.objects.property(String)

    /** Whether nothing at all comes from the host while the program is loaded. Default: false. */
    @Input
    final Property<Boolean> hermetic = project.objects.property(Boolean)

    private static final String BACKSLASH_OR_COLON = /[\\:]/
    /** `\=` stands for an equals sign already. */
    private static final String BACKSLASH_OR_COLON_OF_VOLUME = /\\(?!=)|:/

    private boolean inputIsGiven = false

    RunBinaryFs() {
        super(RunBinaryFs)
        hermetic.set(false)
    }

    @Override
    RunBinaryFs setStandardInput(InputStream input) {
        inputIsGiven = true
        super.setStandardInput(input)
    }

    @Override
    @TaskAction
    protected void exec() {
        // The daemon's standard input is that of the client.
        if (!inputIsGiven) super.setStandardInput(System.in)
        append('BINARYFS_HOST_PATHS', (List<String>) hostPaths.get(), BACKSLASH_OR_COLON)
        append('BINARYFS_VOLUMES', (List<String>) volumes.get(), BACKSLASH_OR_COLON_OF_VOLUME)
        if (overlaySize.present) environment('BINARYFS_OVERLAY_SIZE', overlaySize.get())
        if (hermetic.get()) environment('BINARYFS_HERMETIC', '1')
        List<String> start = (List<String>) command.get()
        List<String> words = []
        words.add(library.get().asFile.path)
        words.add(start.head())
        words.addAll(jvmArgs.get())
        words.addAll(start.tail())
        words.addAll(args)
        commandLine(words)
        super.exec()
    }

    /** To what the environment has already, as `binaryfs run` does. */
    private void append(String variable, List<String> items, String escaped) {
        if (items.empty) return
        List<String> all = []
        def before = environment.get(variable)?.toString()
        if (before) all.add(before)
        for (String item : items) all.add(item.replaceAll(escaped, '\\\\$0'))
        environment(variable, all.join(':'))
    }
}
