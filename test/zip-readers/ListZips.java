/** What Java sees in the ZIP files of a folder, by their directory (ZipFile) and as streams (ZipInputStream), as X-Road reads containers. */
import java.io.*;
import java.nio.file.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.zip.*;

class ListZips {
    public static void main(String[] arguments) throws Exception {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(arguments[0]), "*.zip")) {
            for (Path file : files) {
                print("Java's directory", file, byDirectory(file));
                print("Java's stream", file, asStream(file));
            }
        }
    }

    static void print(String reader, Path file, List<String> seen) {
        System.out.println(reader + "\t" + file.getFileName() + "\t" + (seen == null ? "refused" : String.join(" ", seen)));
    }

    static List<String> byDirectory(Path path) {
        List<String> seen = new ArrayList<>();
        try (ZipFile file = new ZipFile(path.toFile())) {
            for (ZipEntry entry : Collections.list(file.entries()))
                seen.add(entry.getName() + "=" + digest(file.getInputStream(entry)));
            return seen;
        } catch (Exception refused) {
            return null;
        }
    }

    static List<String> asStream(Path path) {
        List<String> seen = new ArrayList<>();
        try (ZipInputStream stream = new ZipInputStream(Files.newInputStream(path))) {
            for (ZipEntry entry; (entry = stream.getNextEntry()) != null; )
                seen.add(entry.getName() + "=" + digest(stream));
            return seen;
        } catch (Exception refused) {
            return null;
        }
    }

    static String digest(InputStream content) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content.readAllBytes()));
    }
}
