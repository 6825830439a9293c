import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;
import org.apache.zookeeper.*;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.data.Stat;

/**
 * Client PORT store|list: what a client of ZooKeeper sees, the same text for the same answers (session numbers and times are left out).
 * Without waiting for time: a watch is awaited, and an ephemeral node goes with its session.
 */
public final class Client {
  private static final int NODES = 200;

  public static void main(String[] args) throws Exception {
    switch (args[1]) {
      case "store" -> store(args[0]);
      default -> list(args[0]);
    }
  }

  private static ZooKeeper connect(String port, BlockingQueue<String> events) throws Exception {
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper client = new ZooKeeper("127.0.0.1:" + port, 30_000, event -> {
      if (event.getState() == Watcher.Event.KeeperState.SyncConnected) connected.countDown();
      if (event.getPath() != null) events.add(event.getType() + " " + event.getPath());
    });
    if (!connected.await(120, TimeUnit.SECONDS)) throw new IllegalStateException("not connected");
    return client;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static void store(String port) throws Exception {
    BlockingQueue<String> events = new LinkedBlockingQueue<>();
    ZooKeeper watcher = connect(port, events);
    System.out.println("before: " + watcher.exists("/app", true));
    ZooKeeper writer = connect(port, new LinkedBlockingQueue<>());

    writer.create("/app", bytes("first"), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    System.out.println("event: " + events.poll(120, TimeUnit.SECONDS));
    System.out.println("read: " + new String(watcher.getData("/app", true, new Stat()), StandardCharsets.UTF_8));
    Stat changed = writer.setData("/app", bytes("second"), 0);
    System.out.println("event: " + events.poll(120, TimeUnit.SECONDS) + ", version " + changed.getVersion());
    try {
      writer.setData("/app", bytes("third"), 0);
    } catch (KeeperException error) {
      System.out.println("an old version: " + error.code());
    }

    watcher.getChildren("/app", true);
    writer.create("/app/here", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
    System.out.println("event: " + events.poll(120, TimeUnit.SECONDS) + " " + watcher.getChildren("/app", true));
    System.out.println("sequential: " + writer.create("/app/s-", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
    System.out.println("event: " + events.poll(120, TimeUnit.SECONDS));
    watcher.getChildren("/app", true);
    writer.close();
    System.out.println("event: " + events.poll(120, TimeUnit.SECONDS) + " " + watcher.getChildren("/app", false));

    List<Op> all = new ArrayList<>();
    all.add(Op.create("/many", new byte[0], Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
    for (int i = 0; i < NODES; i++) all.add(Op.create("/many/" + i, content(i), Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
    System.out.println("transaction: " + watcher.multi(all).size());
    watcher.close();
    list(port);
  }

  private static byte[] content(int number) {
    byte[] bytes = new byte[1000];
    new Random(number).nextBytes(bytes);
    return bytes;
  }

  private static void list(String port) throws Exception {
    ZooKeeper client = connect(port, new LinkedBlockingQueue<>());
    List<String> top = client.getChildren("/", false);
    Collections.sort(top);
    System.out.println("nodes: " + top);
    if (top.contains("app")) {
      Stat stat = new Stat();
      System.out.println("app: " + new String(client.getData("/app", false, stat), StandardCharsets.UTF_8) + ", version " + stat.getVersion());
      int right = 0;
      for (int i = 0; i < NODES; i++) if (Arrays.equals(client.getData("/many/" + i, false, null), content(i))) right++;
      System.out.println("many: " + client.getChildren("/many", false).size() + ", right " + right);
    }
    client.close();
  }
}
