import java.io.*;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.nio.file.attribute.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.*;

/** Work DIRECTORY PART: one part of what Java programs do with files, below DIRECTORY. Prints the same wherever the file system does the same. */
public final class Work {
  private interface Part {
    void run(Path directory) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    Map<String, Part> parts = new LinkedHashMap<>();
    parts.put("jrt", directory -> jrt());
    parts.put("resources", directory -> resources());
    parts.put("attributes", Work::attributes);
    parts.put("extended", Work::extended);
    parts.put("links", Work::links);
    parts.put("moves", Work::moves);
    parts.put("temporary", Work::temporary);
    parts.put("map", Work::map);
    parts.put("locks", Work::locks);
    parts.put("threads", Work::threads);
    parts.put("processes", Work::processes);
    parts.put("zip", Work::zip);
    parts.put("watch", Work::watch);
    Path top = Path.of(args[0]);
    for (String name : args.length > 1 ? List.of(args).subList(1, args.length) : parts.keySet()) {
      System.out.println("[" + name + "]");
      parts.get(name).run(Files.createDirectory(top.resolve(name)));
    }
  }

  private static void show(String what, Object value) {
    System.out.println(what + ": " + value);
  }

  private static void refused(String what, Callable<?> call) {
    try {
      show(what, call.call());
    } catch (Exception error) {
      show(what, error.getClass().getSimpleName());
    }
  }

  /** The run-time image, which Java maps, as a file system. */
  private static void jrt() throws IOException {
    FileSystem runtime = FileSystems.getFileSystem(URI.create("jrt:/"));
    byte[] object = Files.readAllBytes(runtime.getPath("/modules/java.base/java/lang/Object.class"));
    show("magic", HexFormat.of().formatHex(object, 0, 4));
    try (Stream<Path> modules = Files.list(runtime.getPath("/modules"))) {
      show("modules", modules.map(path -> path.getFileName().toString()).filter(name -> name.startsWith("java.")).sorted().toList());
    }
    try (Stream<Path> classes = Files.walk(runtime.getPath("/modules/java.base/java/util"))) {
      show("classes of java.util", classes.filter(path -> path.toString().endsWith(".class")).count());
    }
  }

  private static void resources() throws IOException {
    try (InputStream in = Work.class.getResourceAsStream("/texts/message.txt")) {
      show("message", new String(in.readAllBytes(), StandardCharsets.UTF_8).trim());
    }
    List<String> names = new ArrayList<>();
    for (var urls = Work.class.getClassLoader().getResources("texts/message.txt"); urls.hasMoreElements(); ) names.add(urls.nextElement().getProtocol());
    show("found in", names);
    show("none", Work.class.getResource("/texts/none.txt"));
  }

  private static void attributes(Path directory) throws IOException {
    Path file = Files.writeString(directory.resolve("file"), "0123456789");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r-----"));
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_600_000_000_123L));
    PosixFileAttributes posix = Files.readAttributes(file, PosixFileAttributes.class);
    show("file", posix.size() + " " + posix.lastModifiedTime() + " " + PosixFilePermissions.toString(posix.permissions()) + " " + posix.isRegularFile());
    show("links, device and inode", Files.getAttribute(file, "unix:nlink") + " " + Files.isSameFile(file, directory.resolve("./file")));
    show("owner is the directory's", Files.getOwner(file).equals(Files.getOwner(directory)));
    show("executable", Files.isExecutable(file));
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("---------"));
    refused("read what may not be read", () -> Files.readString(file));
    show("readable", Files.isReadable(file) + " " + Files.isWritable(file));
  }

  private static void extended(Path directory) throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    UserDefinedFileAttributeView view = Files.getFileAttributeView(file, UserDefinedFileAttributeView.class);
    view.write("key", ByteBuffer.wrap("value".getBytes()));
    Files.copy(file, directory.resolve("copy"), StandardCopyOption.COPY_ATTRIBUTES);
    show("of the file", view.list() + " " + view.size("key"));
    show("of its copy", Files.getFileAttributeView(directory.resolve("copy"), UserDefinedFileAttributeView.class).list());
    view.delete("key");
    show("deleted", view.list());
  }

  private static void links(Path directory) throws IOException {
    Path tree = Files.createDirectories(directory.resolve("a/b/c"));
    Files.writeString(tree.resolve("leaf"), "leaf");
    Path link = Files.createSymbolicLink(directory.resolve("link"), Path.of("a/b"));
    Files.createLink(directory.resolve("hard"), tree.resolve("leaf"));
    Files.createSymbolicLink(directory.resolve("a/loop"), Path.of(".."));
    show("link", Files.readSymbolicLink(link) + " " + Files.isSymbolicLink(link) + " " + Files.isDirectory(link, LinkOption.NOFOLLOW_LINKS));
    show("through it", Files.readString(link.resolve("c/leaf")));
    show("real path", directory.toRealPath().relativize(link.resolve("c/leaf").toRealPath()));
    show("hard", Files.getAttribute(directory.resolve("hard"), "unix:nlink") + " " + Files.isSameFile(directory.resolve("hard"), tree.resolve("leaf")));
    try (Stream<Path> walk = Files.walk(directory)) {
      show("walk", walk.map(directory::relativize).map(Path::toString).sorted().toList());
    }
    try (Stream<Path> walk = Files.walk(directory, FileVisitOption.FOLLOW_LINKS)) {
      show("walk in circles", walk.count());
    } catch (UncheckedIOException error) {
      show("walk in circles", error.getCause().getClass().getSimpleName());
    }
    try (DirectoryStream<Path> some = Files.newDirectoryStream(directory, "{l,h}*")) {
      show("by pattern", StreamSupport.stream(some.spliterator(), false).map(path -> path.getFileName().toString()).sorted().toList());
    }
    refused("a loop", () -> {
      Files.createSymbolicLink(directory.resolve("x"), Path.of("y"));
      Files.createSymbolicLink(directory.resolve("y"), Path.of("x"));
      return Files.readString(directory.resolve("x"));
    });
  }

  private static void moves(Path directory) throws IOException {
    Path one = Files.writeString(directory.resolve("one"), "one");
    Path two = Files.writeString(directory.resolve("two"), "two");
    refused("onto a file", () -> Files.move(one, two));
    Files.move(one, two, StandardCopyOption.ATOMIC_MOVE);
    show("atomically", Files.readString(two) + " " + Files.exists(one));
    Files.copy(two, one, StandardCopyOption.COPY_ATTRIBUTES);
    show("a copy", Files.mismatch(one, two) + " " + (Files.getLastModifiedTime(one).toMillis() == Files.getLastModifiedTime(two).toMillis()));
    Files.createDirectories(directory.resolve("full/x"));
    Files.createDirectory(directory.resolve("empty"));
    refused("remove what is not empty", () -> Files.deleteIfExists(directory.resolve("full")));
    refused("onto what is not empty", () -> Files.move(directory.resolve("empty"), directory.resolve("full"), StandardCopyOption.ATOMIC_MOVE));
    Files.move(directory.resolve("full"), directory.resolve("empty"), StandardCopyOption.ATOMIC_MOVE);
    show("onto what is empty", Files.exists(directory.resolve("empty/x")) + " " + Files.exists(directory.resolve("full")));
    refused("into itself", () -> Files.move(directory.resolve("empty"), directory.resolve("empty/x/y")));
    refused("a long name", () -> Files.createFile(directory.resolve("n".repeat(256))));
    Path odd = Files.writeString(directory.resolve("ä \n*"), "odd");
    show("odd name", Files.readString(odd) + " " + odd.toFile().exists());
    show("new file", new File(directory.toFile(), "new").createNewFile() + " " + new File(directory.toFile(), "new").createNewFile());
  }

  private static void temporary(Path directory) throws IOException {
    Path file = Files.createTempFile(directory, "pre", ".suf");
    show("permissions", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    Path inside = Files.createTempDirectory(directory, "dir");
    show("permissions of a directory", PosixFilePermissions.toString(Files.getPosixFilePermissions(inside)));
    File standard = File.createTempFile("work", null);
    standard.deleteOnExit();
    show("in", standard.getParent() + " " + standard.canWrite());
    try (var channel = Files.newByteChannel(inside.resolve("gone"), StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.DELETE_ON_CLOSE)) {
      channel.write(ByteBuffer.wrap(new byte[100]));
      show("while it is open", channel.size() + " " + Files.exists(inside.resolve("gone")));
    }
    show("then", Files.exists(inside.resolve("gone")));
  }

  private static void map(Path directory) throws IOException {
    Path file = directory.resolve("mapped");
    final int size = 3 << 20;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      MappedByteBuffer shared = channel.map(FileChannel.MapMode.READ_WRITE, 0, size);
      for (int at = 0; at < size; at += 4) shared.putInt(at, at * 31);
      shared.force();
      show("size after mapping", channel.size());
      ByteBuffer read = ByteBuffer.allocate(8);
      channel.read(read, 1 << 20);
      show("read after a write by mapping", read.flip().getInt() == (1 << 20) * 31);
      channel.write(ByteBuffer.wrap(new byte[] {1, 2, 3, 4}), 4096);
      show("mapping after a write", shared.getInt(4096));
      MappedByteBuffer own = channel.map(FileChannel.MapMode.PRIVATE, 8192, 8192);
      own.putInt(0, 7);
      show("private", own.getInt(0) + " " + (shared.getInt(8192) == 8192 * 31));
      MappedByteBuffer second = channel.map(FileChannel.MapMode.READ_ONLY, 4096 + 100, 100);
      shared.put(4096 + 100, (byte) 42);
      show("a second mapping", second.get(0));
      refused("write to it", () -> second.put(0, (byte) 1));
      channel.truncate(10_000);
      show("truncated", channel.size() + " " + Files.size(file));
      show("transferred", channel.transferTo(0, 10_000, FileChannel.open(directory.resolve("copy"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)));
      show("the same", Files.mismatch(file, directory.resolve("copy")));
    }
    try (RandomAccessFile sparse = new RandomAccessFile(directory.resolve("sparse").toFile(), "rwd")) {
      sparse.seek(1L << 33);
      sparse.write(1);
      show("beyond 4 GiB", sparse.length() + " " + sparse.getFilePointer());
      MappedByteBuffer end = sparse.getChannel().map(FileChannel.MapMode.READ_ONLY, (1L << 33) - 4096, 4097);
      show("its end", end.get(4095) + " " + end.get(4096));
    }
  }

  private static void locks(Path directory) throws Exception {
    Path file = Files.writeString(directory.resolve("locked"), "x".repeat(100));
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      FileLock lock = channel.lock(10, 10, false);
      refused("overlapping", () -> channel.tryLock(15, 10, false));
      show("beside it", channel.tryLock(30, 10, true).isShared());
      show("of another process", child("lock", file.toString()).trim());
      lock.release();
      show("after release", child("lock", file.toString()).trim());
    }
  }

  private static void threads(Path directory) throws Exception {
    final int count = 200, rounds = 10;
    CountDownLatch start = new CountDownLatch(1);
    AtomicInteger wrong = new AtomicInteger();
    Path common = Files.createFile(directory.resolve("common"));
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      final int n = i;
      Thread thread = new Thread(() -> {
        try {
          start.await();
          Path own = Files.createDirectory(directory.resolve("d" + n));
          for (int round = 0; round < rounds; round++) {
            Path file = own.resolve("f" + round);
            String text = (n + "/" + round + "\n").repeat(500);
            Files.writeString(file, text);
            Path moved = Files.move(file, own.resolve("g"), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            if (!Files.readString(moved).equals(text)) wrong.incrementAndGet();
            Files.writeString(common, String.format("%05d %05d\n", n, round), StandardOpenOption.APPEND);
            try (FileChannel channel = FileChannel.open(moved, StandardOpenOption.READ)) {
              if (channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size()).get(0) != text.charAt(0)) wrong.incrementAndGet();
            }
          }
        } catch (Throwable error) {
          error.printStackTrace();
          wrong.incrementAndGet();
        }
      });
      threads.add(thread);
      thread.start();
    }
    start.countDown();
    for (Thread thread : threads) thread.join();
    show("wrong", wrong);
    List<String> lines = Files.readAllLines(common);
    show("appended", lines.size() + " lines, " + new HashSet<>(lines).size() + " different, of one length " + lines.stream().allMatch(line -> line.length() == 11));
    try (Stream<Path> all = Files.walk(directory)) {
      show("files", all.filter(Files::isRegularFile).count());
    }
  }

  /** This class again in a process of its own; its output. */
  private static String child(String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of(ProcessHandle.current().info().command().orElseThrow(), "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), "Child"));
    command.addAll(List.of(arguments));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int status = process.waitFor();
    return status == 0 ? output : output + "status " + status;
  }

  private static void processes(Path directory) throws Exception {
    Path input = Files.writeString(directory.resolve("input"), "from a file\n"), output = directory.resolve("output");
    Process echo = new ProcessBuilder("/usr/bin/env", "NAME=value", "/usr/bin/cat").directory(directory.toFile()).redirectInput(input.toFile()).redirectOutput(output.toFile()).start();
    show("status", echo.waitFor() + " " + Files.readString(output).trim());
    Process appended = new ProcessBuilder("/usr/bin/cat", "input").directory(directory.toFile()).redirectOutput(ProcessBuilder.Redirect.appendTo(output.toFile())).start();
    show("appended", appended.waitFor() + " " + Files.readAllLines(output));
    List<Process> pipeline = ProcessBuilder.startPipeline(List.of(new ProcessBuilder("/usr/bin/cat", input.toString()), new ProcessBuilder("/usr/bin/cat")));
    show("pipeline", new String(pipeline.get(1).getInputStream().readAllBytes()).trim());
    refused("absent", () -> new ProcessBuilder("/usr/bin/nothing-of-this-name").start());
    refused("in no directory", () -> new ProcessBuilder("/usr/bin/cat").directory(directory.resolve("none").toFile()).start());
    Process sleeper = new ProcessBuilder("/usr/bin/cat").start();
    sleeper.destroyForcibly();
    show("killed", sleeper.waitFor());
    show("a child of ours", child("print", "argument with space", "").trim());
  }

  private static void zip(Path directory) throws Exception {
    Path archive = directory.resolve("archive.zip");
    try (FileSystem zip = FileSystems.newFileSystem(archive, Map.of("create", "true"))) {
      for (int i = 0; i < 100; i++) Files.writeString(zip.getPath("/" + i), String.valueOf(i).repeat(i));
    }
    try (FileSystem zip = FileSystems.newFileSystem(archive); Stream<Path> all = Files.list(zip.getPath("/"))) {
      show("entries", all.count() + " " + Files.readString(zip.getPath("/7")));
    }
  }

  private static void watch(Path directory) throws Exception {
    Path watched = Files.createDirectory(directory.resolve("watched"));
    try (WatchService service = directory.getFileSystem().newWatchService()) {
      WatchKey key = watched.register(service, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_MODIFY, StandardWatchEventKinds.ENTRY_DELETE);
      Set<String> seen = new TreeSet<>();
      Files.writeString(watched.resolve("file"), "text");
      await(service, seen, "ENTRY_CREATE file");
      Files.writeString(watched.resolve("file"), "more", StandardOpenOption.APPEND);
      await(service, seen, "ENTRY_MODIFY file");
      Files.move(watched.resolve("file"), watched.resolve("moved"));
      await(service, seen, "ENTRY_CREATE moved");
      Files.delete(watched.resolve("moved"));
      await(service, seen, "ENTRY_DELETE moved");
      show("events", seen);
      Files.delete(watched);
      service.take();
      show("valid when the directory is gone", key.reset());
    }
  }

  private static void await(WatchService service, Set<String> seen, String wanted) throws InterruptedException {
    while (!seen.contains(wanted)) {
      WatchKey key = service.poll(120, TimeUnit.SECONDS);
      if (key == null) throw new IllegalStateException("no " + wanted + ", seen " + seen);
      for (WatchEvent<?> event : key.pollEvents()) seen.add(event.kind() + " " + event.context());
      key.reset();
    }
  }
}
