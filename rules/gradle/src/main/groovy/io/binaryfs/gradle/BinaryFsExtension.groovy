/** What a build script writes in `binaryFs { … }`: what the image holds, and with which options it is packed. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic
import org.gradle.api.Action
import org.gradle.api.Project
import org.gradle.api.file.ConfigurableFileCollection
import org.gradle.api.file.Directory
import org.gradle.api.file.DirectoryProperty
import org.gradle.api.file.FileCollection
import org.gradle.api.provider.ListProperty
import org.gradle.api.provider.Property
import org.gradle.api.tasks.Input
import org.gradle.api.tasks.InputFiles
import org.gradle.api.tasks.Internal
import org.gradle.api.tasks.Nested
import org.gradle.api.tasks.Optional
import org.gradle.api.tasks.PathSensitive
import org.gradle.api.tasks.PathSensitivity

import javax.inject.Inject
import java.util.concurrent.Callable

/**
 * Also the nested input of {@link BinaryFsTask}. Jars are inputs byte for byte: `@Classpath` would take two jars for equal that differ
 * in timestamps, and the image holds their very bytes. What fingerprints of files leave out is in {@link BinaryFsTask#getLayout}.
 */
@CompileStatic
class BinaryFsExtension {

    /** Name of the library without its suffix. Default: the project's name. */
    @Input
    final Property<String> imageName

    /** Class whose `main` is started. Default: what the `application` plugin starts. */
    @Input
    @Optional
    final Property<String> mainClass

    /** Options of the JVM, kept in the image. Default: `applicationDefaultJvmArgs` of the `application` plugin. */
    @Input
    final ListProperty<String> jvmArgs

    /** Classes, resources and jars, in their order. Default with the `java` plugin: `sourceSets.main.runtimeClasspath`. */
    @InputFiles
    @PathSensitive(PathSensitivity.RELATIVE)
    final ConfigurableFileCollection classpath

    /** Directory of the application in the image. Default: `/app`. */
    @Input
    final Property<String> applicationDir

    /** JDK or runtime image that is packed, of version 9 or newer. Default: the toolchain's where there is one, else the JVM that runs Gradle. */
    @Internal
    final DirectoryProperty jdk

    /** Directory of the JDK in the image, so that the machine's own place of it does not matter. Default: `/opt/java`. */
    @Input
    final Property<String> jdkDir

    /** Parts of the JDK that are left out, as Ant patterns below it. Default: {@link JavaHome#EXCLUDES}. */
    @Input
    final ListProperty<String> jdkExcludes

    /** Whether the shared libraries behind the JDK's own are packed, as `ldd` finds them. Default: true. */
    @Input
    final Property<Boolean> systemLibraries

    /** `--include=GLOB` and `--exclude=GLOB` in their order, over paths in the image; see {@link #include} and {@link #exclude}. */
    @Input
    final ListProperty<String> rules

    /** Absolute paths of the host that the program sees, unprotected. */
    @Input
    final ListProperty<String> hostPaths

    /** Directories that persist on the host, `GUEST` or `GUEST=HOST`. */
    @Input
    final ListProperty<String> volumes

    /** `stable` keeps edits local; `compact` is smallest. Default: `stable`. */
    @Input
    final Property<String> layout

    /** Whether a run may add no host path and no volume. Default: false. */
    @Input
    final Property<Boolean> sealed

    /** Whether a rule that matches nothing is an error. Default: true. */
    @Input
    final Property<Boolean> strict

    /** Modification time of everything in the image, in seconds since 1970. Default: 0, since a build cache keeps no times. */
    @Input
    final Property<Long> mtimeSeconds

    /**
     * The command line tool: a command that PATH has, or a path (seen from the root project). Default: the Gradle property `binaryfs.cli`, the environment's
     * `BINARYFS`, `node_modules/.bin/binaryfs` of this or the root project, `binaryfs`.
     */
    @Internal
    final Property<String> cli

    /** Where contents are shared with other machines. It never changes the bytes. */
    @Internal
    final RemoteCache remoteCache

    private final List<FileMapping> fileMappings = []
    // Only for what a build script calls; a stored configuration leaves it out.
    private final transient Project project

    @Inject
    BinaryFsExtension(Project project) {
        this.project = project
        imageName = text(project.name)
        mainClass = project.objects.property(String)
        mainClass.set(project.provider({ Application.mainClass(project) } as Callable<String>))
        jvmArgs = project.objects.listProperty(String)
        jvmArgs.set(project.provider({ Application.jvmArgs(project) } as Callable<List<String>>))
        classpath = project.files()
        applicationDir = text('/app')
        jdk = Compatibility.directory(project)
        jdk.set(project.provider({ project.layout.projectDirectory.dir(JavaHome.of(project).path) } as Callable<Directory>))
        jdkDir = text('/opt/java')
        jdkExcludes = list(JavaHome.EXCLUDES)
        systemLibraries = flag(true)
        rules = list([])
        hostPaths = list([])
        volumes = list([])
        layout = text('stable')
        sealed = flag(false)
        strict = flag(true)
        mtimeSeconds = project.objects.property(Long)
        mtimeSeconds.set(0L)
        cli = project.objects.property(String)
        cli.set(project.provider({ BinaryFsCli.find(project) } as Callable<String>))
        remoteCache = project.objects.newInstance(RemoteCache, project)
    }

    /** Takes what matches, with all beneath it. As soon as one is given, what no rule takes is left out. */
    void include(String... globs) {
        for (String glob : globs) rules.add("--include=$glob".toString())
    }

    /** Leaves out what matches. The last rule that matches a path decides. */
    void exclude(String... globs) {
        for (String glob : globs) rules.add("--exclude=$glob".toString())
    }

    /**
     * Packs more files.
     * @param directory where in the image, absolute
     * @param sources all that `project.files` takes; of a directory or file tree what is in it, with the paths below it
     */
    void files(String directory, Object... sources) {
        fileMappings.add(new FileMapping(directory, project.files(sources)))
    }

    void remoteCache(Action<? super RemoteCache> configure) {
        configure.execute(remoteCache)
    }

    @Internal
    List<FileMapping> getFileMappings() {
        Collections.unmodifiableList(fileMappings)
    }

    /** Sources of {@link #files}. */
    @InputFiles
    @PathSensitive(PathSensitivity.RELATIVE)
    List<FileCollection> getMappedFiles() {
        fileMappings.collect { FileMapping mapping -> mapping.sources }
    }

    private Property<String> text(String value) {
        def property = project.objects.property(String)
        property.set(value)
        property
    }

    private Property<Boolean> flag(boolean value) {
        def property = project.objects.property(Boolean)
        property.set(value)
        property
    }

    private ListProperty<String> list(List<String> value) {
        def property = project.objects.listProperty(String)
        property.set(value)
        property
    }
}
