import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import software.amazon.event.ruler.Machine;

/** event-ruler says of each line [pattern, event] what it makes of it: true, false, or that it refuses the pattern. */
class Matches {
    public static void main(String[] none) throws Exception {
        ObjectMapper json = new ObjectMapper();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode pair = json.readTree(line);
            Machine machine = new Machine();
            String said;
            try {
                machine.addRule("rule", json.writeValueAsString(pair.get(0)));
                said = String.valueOf(!machine.rulesForJSONEvent(json.writeValueAsString(pair.get(1))).isEmpty());
            } catch (Exception error) {
                said = "refused";
            }
            System.out.println(said);
        }
    }
}
