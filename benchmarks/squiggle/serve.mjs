// Runs Squiggle as often as it is asked, one JSON line each way: {path, samples, seed} gives {values, cpu, wall, memory}.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { run } = await import(pathToFileURL(`${process.argv[2]}/node_modules/@quri/squiggle-lang/dist/index.js`));

for await (const line of createInterface({ input: process.stdin })) {
  const { path, samples, seed } = JSON.parse(line);
  const code = readFileSync(path, "utf-8");
  const before = process.cpuUsage();
  const start = performance.now();
  const output = await run(code, { environment: { sampleCount: samples, xyPointLength: 1000, seed: `${seed}` } });
  const { user, system } = process.cpuUsage(before);
  const wall = (performance.now() - start) / 1e3;
  const { ok, value } = output.result ?? output.getResult();
  if (!ok) throw new Error(value.toString());
  const values = (value.result ?? value).asJS();
  console.log(JSON.stringify({ values, cpu: (user + system) / 1e6, wall, memory: process.resourceUsage().maxRSS / 1024 }));
}
