/** Where everything goes in the image. README.md has these rules for users. */
package io.binaryfs.gradle

import groovy.transform.CompileStatic
import org.gradle.api.file.FileTree
import org.gradle.api.file.FileVisitDetails
import org.gradle.api.file.FileVisitor

import java.nio.file.Path

@CompileStatic
final class ImageLayout {

    private static final String COMMAND_FILE = 'java.args'

    private final BinaryFsExtension image
    private final FileTree jdkFiles
    private final ImageTree tree = new ImageTree()

    private ImageLayout(BinaryFsExtension image, FileTree jdkFiles) {
        this.image = image
        this.jdkFiles = jdkFiles
    }

    /** @param jdkFiles what is packed of the JDK */
    static ImageTree of(BinaryFsExtension image, FileTree jdkFiles) {
        new ImageLayout(image, jdkFiles).build()
    }

    /** What starts the application: the rest of the command is in the image, so that the digest covers it. */
    static List<String> command(BinaryFsExtension image) {
        [javaIn(image.jdkDir.get()), "@${image.applicationDir.get()}/$COMMAND_FILE".toString()]
    }

    private ImageTree build() {
        def jdk = image.jdk.get().asFile
        if (!new File(javaIn(jdk.path)).file)
            throw new BinaryFsFailure('jdk-missing', "there is no JDK ($jdk)", 'Set `jdk` of `binaryFs { … }` to a directory that holds bin/java.')
        addTree(image.jdkDir.get(), jdkFiles, 'jdk')
        if (image.systemLibraries.get()) addSystemLibraries(jdk)
        def classpath = addClasspath()
        def application = image.applicationDir.get()
        tree.put("$application/$COMMAND_FILE".toString(), ImageFile.holding(commandFile(classpath)))
        for (FileMapping mapping : image.fileMappings) addTree(mapping.directory, mapping.sources.asFileTree, 'files')
        tree
    }

    private static String javaIn(String home) {
        "$home/bin/java".toString()
    }

    /** Symbolic links are followed, as everywhere in Gradle: an image has files in their places, wherever a link leads on this machine. */
    private void addTree(String directory, FileTree files, String property) {
        tree.directory(directory)
        def tree = this.tree
        files.visit(new FileVisitor() {
            @Override
            void visitDir(FileVisitDetails details) {
                tree.directory("$directory/${details.relativePath.pathString}".toString())
            }

            @Override
            void visitFile(FileVisitDetails details) {
                def path = details.relativePath.pathString
                tree.put("$directory/$path".toString(), ImageFile.copyOf(details.file.toPath(), "$property/$path".toString()))
            }
        })
    }

    /** At their places on this machine, where the loader looks for them. Other machines may have others, which are other inputs. */
    private void addSystemLibraries(File jdk) {
        def prefix = "${image.jdkDir.get()}/".toString()
        List<Path> programs = []
        for (Map.Entry<String, ImageFile> entry : tree.files.entrySet()) {
            if (entry.key.startsWith(prefix) && (entry.key == "${prefix}bin/java" || entry.key.endsWith('.so'))) programs.add(entry.value.source)
        }
        for (Path library : SharedLibraries.of(programs, jdk.toPath().toRealPath())) tree.put(library.toString(), ImageFile.copyOf(library))
    }

    /** @return the entries' paths in the image */
    private List<String> addClasspath() {
        def application = image.applicationDir.get()
        List<String> paths = []
        Set<String> taken = new HashSet<>()
        for (File entry : image.classpath.files) {
            if (entry.directory) {
                def path = free("$application/classes".toString(), taken)
                tree.directory(path)
                // Without empty directories: incremental tasks leave some behind that a clean build has not.
                FollowedTree.visitFiles(entry.toPath()) { String relative, Path file ->
                    tree.put("$path/$relative".toString(), ImageFile.copyOf(file, "classpath/$relative".toString()))
                }
                paths.add(path)
            } else if (entry.file) {
                def path = free("$application/lib/${entry.name}".toString(), taken)
                tree.put(path, ImageFile.copyOf(entry.toPath(), "classpath/${entry.name}".toString()))
                paths.add(path)
            }
            // What does not exist is no part of a classpath: the resources of a project that has none.
        }
        paths
    }

    /** The path, or the first of `NAME-2.jar`, `NAME-3.jar`, … that no entry before has. */
    private static String free(String path, Set<String> taken) {
        int dot = path.lastIndexOf('.')
        int end = dot > path.lastIndexOf('/') ? dot : path.length()
        String candidate = path
        for (int number = 2; !taken.add(candidate); number++) candidate = "${path.substring(0, end)}-$number${path.substring(end)}"
        candidate
    }

    private String commandFile(List<String> classpath) {
        if (!image.mainClass.present)
            throw new BinaryFsFailure('main-class-missing', 'no class is named that is to be started', "Set `mainClass` of `binaryFs { … }`, or of the application plugin's `application { … }`.")
        List<String> words = []
        words.addAll(image.jvmArgs.get())
        words.addAll(['-cp', classpath.join(':'), image.mainClass.get()])
        words.collect { String word -> "${quoted(word)}\n".toString() }.join('')
    }

    /** As the java command reads argument files. */
    private static String quoted(String word) {
        word ==~ /[A-Za-z0-9_.:\/=+,@%-]+/ ? word : '"' + word.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n') + '"'
    }
}
