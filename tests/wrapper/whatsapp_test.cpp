#include <barrier>
#include <catch2/generators/catch_generators.hpp>
#include <thread>

#include "support/pgbouncer.hpp"
#include "whatsapp_support.hpp"

namespace holdfast {

TEST_CASE("whatsapp: a message has each field in its column", "[wrapper][whatsapp][postgres]") {
  const WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  const auto entry_id = base::random_uuid();
  const WhatsAppMessage full{.message_id = "wamid.1",
                             .user_external_id = "16505551234",
                             .direction = MessageDirection::outbound,
                             .kind = "image",
                             .text_body = "Look: ' \" \\ { } NULL 😀",
                             .media = R"( [{"id":"1","mime_type":"image\/jpeg"}] )",
                             .context_message_id = "wamid.0",
                             .sent_at = message_at + 7ms,
                             .raw = R"({"n":1e-3,"s":"\u00fc"})",
                             .entry_id = entry_id};
  CHECK(fixture.operations.create_message(pool, full));
  CHECK(fixture.row("SELECT provider, message_id, user_external_id, direction, kind, text_body,"
                    " media, context_message_id, extract(epoch FROM sent_at), raw, entry_id"
                    " FROM messages") ==
        std::vector<std::string>{
            "whatsapp", "wamid.1", "16505551234", "outbound", "image", "Look: ' \" \\ { } NULL 😀",
            R"([{"id": "1", "mime_type": "image/jpeg"}])", "wamid.0", "1749416383.007000",
            R"({"n": 0.001, "s": "ü"})", entry_id.to_string()});
}

TEST_CASE("whatsapp: what was left out or is empty is null, and a message is an inbound text",
          "[wrapper][whatsapp][postgres]") {
  const WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  WhatsAppMessage bare{.message_id = "wamid.1", .sent_at = message_at};
  const bool with_empty_ones = GENERATE(false, true);
  if (with_empty_ones) {
    bare.text_body = "";
    bare.media = "[ ]";
  }
  CHECK(fixture.operations.create_message(pool, bare));
  CHECK(fixture.row("SELECT direction, kind, num_nulls(user_external_id, text_body, media,"
                    " context_message_id, raw, entry_id) FROM messages") ==
        std::vector<std::string>{"inbound", "text", "6"});
}

TEST_CASE("whatsapp: a user has each field in its column", "[wrapper][whatsapp][postgres]") {
  const WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  const auto stored = [&](const WhatsAppUser& seen) {
    fixture.cluster.query("TRUNCATE users");
    fixture.operations.upsert_user(pool, seen);
    return fixture.row(
        "SELECT provider, external_id, phone_number, coalesce(display_name, '(null)'),"
        " first_seen_at = last_seen_at, extract(epoch FROM last_seen_at)::bigint FROM users");
  };
  using Row = std::vector<std::string>;
  CHECK(stored({.external_id = "16505551234",
                .phone_number = "+493012345",
                .display_name = "Zoë",
                .seen_at = message_at}) ==
        Row{"whatsapp", "16505551234", "+493012345", "Zoë", "t", "1749416383"});
  CHECK(stored(user("16505551234", "")) ==
        Row{"whatsapp", "16505551234", "+16505551234", "(null)", "t", "1749416383"});
  CHECK(stored(user("US.13491208655302741918")) ==
        Row{"whatsapp", "US.13491208655302741918", "", "(null)", "t", "1749416383"});
}

TEST_CASE("whatsapp: the program's rows are those that the relay writes",
          "[wrapper][whatsapp][postgres]") {
  WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  const std::string_view image = R"("type":"image","image":{"id":"1","caption":"Look"},)"
                                 R"("context":{"id":"wamid.0"})";
  fixture.deliver(webhook_of("wamid.1", image, "Sheena"));
  const auto expected = fixture.tables();
  REQUIRE(expected.size() == 2);
  fixture.clear();
  fixture.operations.upsert_user(pool, user("16505551234", "Sheena"));
  fixture.operations.create_message(
      pool, {.message_id = "wamid.1",
             .user_external_id = "16505551234",
             .kind = "image",
             .text_body = "Look",
             .media = R"([{"id":"1","caption":"Look"}])",
             .context_message_id = "wamid.0",
             .sent_at = message_at,
             .raw = postgres::message_json("wamid.1", image, "16505551234", "1749416383")});
  CHECK(fixture.tables() == expected);
}

TEST_CASE("whatsapp: of one message the first row stays, the relay's or the program's",
          "[wrapper][whatsapp][postgres]") {
  WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  const auto by_relay = webhook_of("wamid.1", text_part);
  const auto by_program = message("wamid.1", "From the program");
  const auto stored = [&] {
    return fixture.row("SELECT text_body, coalesce(entry_id::text, '(null)') FROM messages");
  };
  SECTION("the relay's") {
    fixture.deliver(by_relay);
    CHECK_FALSE(fixture.operations.create_message(pool, by_program));
    CHECK(stored() == std::vector<std::string>{"Hello", by_relay.id.to_string()});
  }
  SECTION("the program's") {
    CHECK(fixture.operations.create_message(pool, by_program));
    CHECK_FALSE(fixture.operations.create_message(pool, message("wamid.1", "Again")));
    fixture.deliver(by_relay);
    CHECK(stored() == std::vector<std::string>{"From the program", "(null)"});
  }
}

TEST_CASE("whatsapp: sightings by the relay and the program make one user, in any order",
          "[wrapper][whatsapp][postgres]") {
  WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  struct Sighting {
    int at;
    bool by_relay;
    std::string name;
  };
  std::vector<Sighting> sightings{
      {1, true, "Ann 1"}, {3, false, "Ann 3"}, {5, true, "Ann 5"}, {5, false, "Ann 6"}};
  do {
    fixture.clear();
    for (const auto& [at, by_relay, name] : sightings) {
      if (by_relay) {
        fixture.deliver(webhook_of(std::format("wamid.{}", at), text_part, name, "111", at));
      } else {
        fixture.operations.upsert_user(pool, user("111", name, second(at)));
      }
    }
    CHECK(fixture.row("SELECT display_name, phone_number,"
                      " extract(epoch FROM first_seen_at)::bigint - 1749416383,"
                      " extract(epoch FROM last_seen_at)::bigint - 1749416383 FROM users") ==
          std::vector<std::string>{"Ann 6", "+111", "1", "5"});
  } while (
      std::ranges::next_permutation(sightings, {}, [](const Sighting& s) { return s.name; }).found);
  // What a sighting does not know, it leaves.
  fixture.operations.upsert_user(pool, user("111", {}, second(9)));
  CHECK(fixture.row("SELECT display_name FROM users")[0] == "Ann 6");
}

TEST_CASE("whatsapp: in a transaction of the program, all is stored or nothing",
          "[wrapper][whatsapp][postgres]") {
  WhatsAppFixture fixture;
  Pool pool(options_for(fixture.cluster.url()));
  const auto store = [&](pqxx::work& work) {
    fixture.operations.upsert_user(work, user("16505551234", "Ann"));
    const bool is_new = fixture.operations.create_message(work, message("wamid.1"));
    work.exec("INSERT INTO rows VALUES (1)").no_rows();
    return is_new;
  };
  CHECK(with_db(pool, store));
  CHECK(fixture.tables().size() == 2);
  fixture.clear();
  // The row is there already, so the last statement fails.
  CHECK_THROWS_AS(with_db(pool, store), pqxx::unique_violation);
  CHECK(fixture.tables().empty());
  // And in a connection that is no pool's.
  pqxx::connection plain(fixture.cluster.url());
  pqxx::nontransaction transaction(plain);
  CHECK(fixture.operations.create_message(transaction, message("wamid.2")));
  CHECK_FALSE(fixture.operations.create_message(transaction, message("wamid.2")));
}

TEST_CASE("whatsapp: threads and the relay that see one user at once leave the newest",
          "[wrapper][whatsapp][postgres][threads]") {
  constexpr int threads = 8;
  constexpr int rounds = 25;
  WhatsAppFixture fixture;
  auto options = options_for(fixture.cluster.url(), threads);
  options.place_wait_max = 60s;
  Pool pool(std::move(options));
  base::Guarded<std::vector<std::string>> failures;
  std::atomic<int> created{0};
  std::barrier start(threads + 1);
  const auto see = [&](int thread) {
    start.arrive_and_wait();
    for (int i = 0; i < rounds; ++i) {
      const int at = i * threads + thread;
      try {
        fixture.operations.upsert_user(pool, user("111", std::format("Ann {}", at), second(at)));
        created += fixture.operations.create_message(pool, message(std::format("wamid.{}", i)));
      } catch (const std::exception& error) {
        failures.with([&](auto& all) { all.emplace_back(error.what()); });
      }
    }
  };
  {
    std::vector<std::jthread> running;
    for (int thread = 0; thread < threads; ++thread) running.emplace_back(see, thread);
    start.arrive_and_wait();
    for (int i = 0; i < rounds; ++i)
      fixture.deliver(webhook_of(std::format("relay.{}", i), text_part, "Bob", "111", i - 1));
  }
  CHECK(failures.copy() == std::vector<std::string>{});
  CHECK(created == rounds);
  CHECK(fixture.row("SELECT display_name, extract(epoch FROM first_seen_at)::bigint - 1749416383,"
                    " extract(epoch FROM last_seen_at)::bigint - 1749416383 FROM users") ==
        std::vector<std::string>{std::format("Ann {}", rounds * threads - 1), "-1",
                                 std::to_string(rounds * threads - 1)});
  CHECK(fixture.row("SELECT count(*) FROM messages")[0] == std::to_string(2 * rounds));
}

TEST_CASE("whatsapp: a cut inside COMMIT stores once", "[wrapper][whatsapp][postgres][faults]") {
  WhatsAppFixture fixture;
  Pool pool(fixture.options(fixture.gate.url()));
  const auto where =
      GENERATE(TcpGate::CommitCut::after_forward, TcpGate::CommitCut::before_forward);
  const bool stored = where == TcpGate::CommitCut::after_forward;
  CAPTURE(stored);
  const auto policy = exact();
  fixture.gate.cut_inside_commit(where);
  // Its own first try may be what is there already.
  CHECK(fixture.operations.create_message(pool, message("wamid.1"), policy) == !stored);
  fixture.gate.cut_inside_commit(where);
  fixture.operations.upsert_user(pool, user("111", "Ann"), policy);
  CHECK(fixture.waits.made() == std::vector<milliseconds>{1s, 1s});
  CHECK(fixture.gate.counts().commits_cut == 2);
  CHECK(fixture.tables().size() == 2);
  CHECK(fixture.row("SELECT text_body FROM messages")[0] == "Hello");
  fixture.check_heals(pool);
}

TEST_CASE("whatsapp: on a pool an operation is as patient as with_db_critical",
          "[wrapper][whatsapp][postgres][faults]") {
  WhatsAppFixture fixture;
  Pool pool(fixture.options(fixture.gate.url()));
  fixture.gate.set_mode(TcpGate::Mode::refuse);
  CHECK_THROWS_AS(fixture.operations.create_message(pool, message("wamid.1")),
                  pqxx::broken_connection);
  CHECK(fixture.waits.made().size() == 5);
  CHECK_THROWS_AS(fixture.operations.upsert_user(pool, user("111")), pqxx::broken_connection);
  CHECK(fixture.waits.made().size() == 10);
  CHECK_THROWS_AS(fixture.operations.upsert_user(pool, user("111"), RetryPolicy()),
                  pqxx::broken_connection);
  CHECK(fixture.waits.made().size() == 13);
  fixture.check_heals(pool);
  CHECK(fixture.operations.create_message(pool, message("wamid.1")));
}

TEST_CASE("whatsapp: through PgBouncer, messages and users are stored, and once",
          "[wrapper][whatsapp][postgres][pgbouncer][faults]") {
  WhatsAppFixture fixture;
  support::PgBouncer bouncer(fixture.cluster.port());
  Pool pool(fixture.options(bouncer.url()));
  for (int round = 0; round < 2; ++round) {
    CHECK(fixture.operations.create_message(pool, message("wamid.1")) == (round == 0));
    fixture.operations.upsert_user(pool, user("111", "Ann"));
    bouncer.restart();
  }
  CHECK(fixture.tables().size() == 2);
  CHECK(fixture.waits.made().empty());
  fixture.check_heals(pool);
}

TEST_CASE("whatsapp: without tables the error is Postgres's own", "[wrapper][whatsapp][postgres]") {
  Fixture fixture;
  Pool pool(fixture.options(fixture.cluster.url()));
  const WhatsAppOperations operations;
  CHECK_THROWS_AS(operations.create_message(pool, message("wamid.1")), pqxx::undefined_table);
  CHECK_THROWS_AS(operations.upsert_user(pool, user("111")), pqxx::undefined_table);
  CHECK(fixture.waits.made().empty());
  fixture.check_heals(pool);
}

TEST_CASE("whatsapp: any name of a schema works, and what is none is refused at once",
          "[wrapper][whatsapp][postgres]") {
  const WhatsAppFixture fixture;
  const std::string longest = "hold \"fast; 😀" + std::string(63 - 16, 'x');
  REQUIRE(longest.size() == 63);
  with_db(*std::make_unique<Pool>(options_for(fixture.cluster.url())), [&](pqxx::work& work) {
    work.exec("ALTER SCHEMA holdfast RENAME TO " + work.quote_name(longest)).no_rows();
  });
  Pool pool(options_for(fixture.cluster.url()));
  const WhatsAppOperations operations(longest);
  const WhatsAppOperations copy = operations;
  CHECK(operations.create_message(pool, message("wamid.1")));
  CHECK_FALSE(copy.create_message(pool, message("wamid.1")));
  using namespace std::string_literals;
  for (const auto& schema : {""s, longest + "x", "a\0b"s, "\xFF"s})
    CHECK(error_of(FailureKind::invalid, [&] { const WhatsAppOperations refused(schema); }) ==
          "making WhatsAppOperations: the schema is no name for Postgres; give 1 to 63 bytes of "
          "UTF-8, as in destination.schema of the daemon");
}

}  // namespace holdfast
