// One peer in a process of its own. usage: node peer.mjs duckdb|clickhouse EVENTS.csv DIR
const [name, csv, dir] = process.argv.slice(2);
const { run } = await import(`./${name}.mjs`);
process.stdout.write(JSON.stringify(await run(csv, dir)) + '\n');
process.exit(0);
