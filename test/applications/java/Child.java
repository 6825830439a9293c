import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** What Work starts as another process: `lock FILE` tries to lock the middle of a file, `print …` prints its arguments. */
final class Child {
  public static void main(String[] args) throws Exception {
    if (!args[0].equals("lock")) {
      System.out.println(Arrays.toString(args));
      return;
    }
    try (FileChannel channel = FileChannel.open(Path.of(args[1]), StandardOpenOption.WRITE)) {
      System.out.println(channel.tryLock(0, 20, false) == null ? "locked elsewhere" : "locked here");
    }
  }
}
