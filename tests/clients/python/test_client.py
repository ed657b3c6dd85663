"""clickhouse-connect against the server whose address CANDOR_CLICKHOUSE_URL gives."""

import os
import unittest
import uuid
from datetime import datetime

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

URL = os.environ["CANDOR_CLICKHOUSE_URL"]


def client(**options):
    return clickhouse_connect.get_client(dsn=URL, **options)


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.client = client(compress=False)
        self.database = "py_" + uuid.uuid4().hex
        self.client.command(f"CREATE DATABASE {self.database}")

    def tearDown(self):
        self.client.command(f"DROP DATABASE {self.database} SYNC")
        self.client.close()

    def table(self, name):
        table = f"{self.database}.{name}"
        self.client.command(
            f"CREATE TABLE {table} (site UInt64, at DateTime64(3, 'UTC'), "
            "path LowCardinality(String), tags Array(String), country Nullable(String)) "
            "ENGINE = MergeTree ORDER BY site SETTINGS non_replicated_deduplication_window = 100"
        )
        return table

    def rows(self, count):
        at = datetime(2026, 2, 3, 4, 5, 6, 789000)
        return [
            [n, at, f"/it's/{n}", ["a", str(n)], None if n % 2 else "SE"] for n in range(count)
        ]

    def test_rows_round_trip(self):
        for compress in (False, "lz4", "zstd", "gzip"):
            with self.subTest(compress=compress):
                table = self.table(f"round_trip_{compress}".lower())
                with client(compress=compress) as other:
                    summary = other.insert(table, self.rows(1000))
                    self.assertEqual(summary.written_rows, 1000)
                    result = other.query(f"SELECT * FROM {table} ORDER BY site")
                    found = [list(row) for row in result.result_rows]
                    self.assertEqual(found[999], self.rows(1000)[999])
                    self.assertEqual(len(found), 1000)
                    self.assertEqual(int(result.summary["result_rows"]), 1000)

    def test_large_answers_stream(self):
        with client(compress=True) as other:
            total = 0
            with other.query_row_block_stream("SELECT number FROM numbers(2000000)") as stream:
                for block in stream:
                    total += len(block)
            self.assertEqual(total, 2_000_000)

    def test_raw_inserts_and_queries(self):
        table = self.table("raw")
        self.client.raw_insert(table, ["site", "path"], "1,/a\n2,/b\n", fmt="CSV")
        answer = self.client.raw_query(f"SELECT site, path FROM {table} ORDER BY site", fmt="CSV")
        self.assertEqual(answer, b'1,"/a"\n2,"/b"\n')

    def test_parameters_are_bound(self):
        evil = "it's \\ \"{}\" ; \t"
        result = self.client.query(
            "SELECT {text:String}, {numbers:Array(UInt8)}, {at:DateTime}",
            parameters={"text": evil, "numbers": [1, 2], "at": datetime(2026, 1, 2, 3, 4, 5)},
        )
        self.assertEqual(result.result_rows[0][:2], (evil, [1, 2]))

    def test_sessions_keep_temporary_tables(self):
        with client(session_id=uuid.uuid4().hex) as session:
            session.command("CREATE TEMPORARY TABLE mine (x UInt8)")
            session.command("INSERT INTO mine VALUES (7)")
            self.assertEqual(session.query("SELECT x FROM mine").result_rows, [(7,)])
        with self.assertRaisesRegex(DatabaseError, "UNKNOWN_TABLE"):
            self.client.query("SELECT x FROM mine")

    def test_settings_belong_to_their_query(self):
        sql = "SELECT getSetting('max_threads')"
        self.assertEqual(self.client.query(sql, settings={"max_threads": 7}).first_row[0], 7)
        self.assertNotEqual(self.client.query(sql).first_row[0], 7)

    def test_tokens_make_a_retry_harmless(self):
        table = self.table("tokens")
        for _ in range(2):
            self.client.insert(
                table, self.rows(10), settings={"insert_deduplication_token": "T"}
            )
        self.assertEqual(self.client.command(f"SELECT count() FROM {table}"), 10)

    def test_errors_say_what_the_server_says(self):
        with self.assertRaisesRegex(DatabaseError, r"(?i)code: 60[^0-9].*UNKNOWN_TABLE"):
            self.client.query("SELECT * FROM nosuch")
        with self.assertRaisesRegex(DatabaseError, "SYNTAX_ERROR"):
            self.client.command("SELEC 1")
        with self.assertRaisesRegex(DatabaseError, "ACCESS_DENIED"):
            self.client.query("SELECT * FROM file('/etc/passwd', 'LineAsString')")

    def test_late_errors_reach_the_client(self):
        with client(compress=False) as other:
            with self.assertRaisesRegex((StreamFailureError, DatabaseError), "throwIf"):
                other.query(
                    "SELECT throwIf(number = 2900000) FROM numbers(3000000)",
                    settings={"max_threads": 1, "wait_end_of_query": 0},
                ).result_rows


if __name__ == "__main__":
    unittest.main()
