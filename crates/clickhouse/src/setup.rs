//! The engine's configuration: small, private, and with no right to reach out.
//!
//! The engine reads it from two files in the data directory, written anew at each start:
//! `engine/config.xml` (server settings) and `engine/users.xml` (profile, constraints, grants). No
//! log table is configured, so no query text is ever stored.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Writes the configuration and hands back the path to give the engine.
///
/// # Errors
///
/// When the data directory cannot be written.
pub(crate) fn write(data: &Path) -> Result<PathBuf, Error> {
    let directory = data.join("engine");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Data { path, source }
    };
    fs::create_dir_all(&directory).map_err(failed(&directory))?;
    let users = directory.join("users.xml");
    let config = directory.join("config.xml");
    fs::write(&users, USERS).map_err(failed(&users))?;
    let text = CONFIG
        .replace("{users}", &escaped(&users))
        .replace("{user_files}", &escaped(&data.join("user_files")));
    fs::write(&config, text).map_err(failed(&config))?;
    Ok(config)
}

fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Caches and pools are those of a small machine; the mutation thresholds fit the small pool, else
/// mutations would wait for free places that never exist.
const CONFIG: &str = r"<clickhouse>
    <users_config>{users}</users_config>
    <user_files_path>{user_files}/</user_files_path>
    <remote_url_allow_hosts><host>none.invalid</host></remote_url_allow_hosts>
    <display_name>candor</display_name>
    <timezone>UTC</timezone>
    <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
    <mark_cache_size>67108864</mark_cache_size>
    <index_mark_cache_size>16777216</index_mark_cache_size>
    <primary_index_cache_size>67108864</primary_index_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <index_uncompressed_cache_size>0</index_uncompressed_cache_size>
    <mmap_cache_size>64</mmap_cache_size>
    <compiled_expression_cache_size>33554432</compiled_expression_cache_size>
    <background_pool_size>4</background_pool_size>
    <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
    <background_move_pool_size>1</background_move_pool_size>
    <background_fetches_pool_size>1</background_fetches_pool_size>
    <background_common_pool_size>2</background_common_pool_size>
    <background_schedule_pool_size>8</background_schedule_pool_size>
    <background_buffer_flush_schedule_pool_size>1</background_buffer_flush_schedule_pool_size>
    <background_distributed_schedule_pool_size>1</background_distributed_schedule_pool_size>
    <background_message_broker_schedule_pool_size>1</background_message_broker_schedule_pool_size>
    <merge_tree>
        <number_of_free_entries_in_pool_to_execute_mutation>2</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>2</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
    </merge_tree>
</clickhouse>
";

/// The profile undoes what the library sets for embedding in a program (introspection, SELECT
/// without SELECT) and writes each INSERT through, as its answer promises; the constants are settings that read files, hold SQL, or change the language.
const USERS: &str = r"<clickhouse>
    <profiles><default>
        <allow_introspection_functions>0</allow_introspection_functions>
        <async_insert>0</async_insert>
        <implicit_select>0</implicit_select>
        <constraints>
            <additional_result_filter><readonly/></additional_result_filter>
            <additional_table_filters><readonly/></additional_table_filters>
            <allow_experimental_ai_functions><readonly/></allow_experimental_ai_functions>
            <allow_experimental_eval_table_function><readonly/></allow_experimental_eval_table_function>
            <allow_introspection_functions><readonly/></allow_introspection_functions>
            <dialect><readonly/></dialect>
            <format_schema><readonly/></format_schema>
            <format_template_resultset><readonly/></format_template_resultset>
            <format_template_row><readonly/></format_template_row>
            <implicit_select><readonly/></implicit_select>
        </constraints>
    </default></profiles>
    <users><default>
        <password></password>
        <networks><ip>::/0</ip></networks>
        <profile>default</profile>
        <quota>default</quota>
        <grants>
            <query>GRANT SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, CHECK, KILL QUERY, MOVE PARTITION BETWEEN SHARDS, dictGet ON *.*</query>
            <query>GRANT SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM FLUSH, SYSTEM DROP CACHE, SYSTEM RELOAD DICTIONARY, SYSTEM VIEWS, SYSTEM SYNC REPLICA ON *.*</query>
            <query>GRANT SET DEFINER ON *</query>
        </grants>
    </default></users>
    <quotas><default></default></quotas>
</clickhouse>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped() {
        let data = tempfile::tempdir().expect("a directory").keep().join("a&b");
        let config = write(&data).expect("writes");
        let text = fs::read_to_string(config).expect("reads");
        assert!(text.contains("a&amp;b/engine/users.xml"));
        fs::remove_dir_all(data.parent().expect("a parent")).expect("removes");
    }
}
