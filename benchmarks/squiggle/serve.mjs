// Runs Squiggle as often as it is asked, one JSON line each way: {path, samples, seed} gives {values, cpu, memory}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const found = createRequire(`${process.argv[2]}/`).resolve("@quri/squiggle-lang/package.json");
const { run } = await import(pathToFileURL(found.replace("package.json", "dist/index.js")));

for await (const line of createInterface({ input: process.stdin })) {
  const { path, samples, seed } = JSON.parse(line);
  const code = readFileSync(path, "utf-8");
  const before = process.cpuUsage();
  const output = await run(code, { environment: { sampleCount: samples, xyPointLength: 1000, seed: `${seed}` } });
  const { user, system } = process.cpuUsage(before);
  const { ok, value } = output.result ?? output.getResult();
  if (!ok) throw new Error(value.toString());
  const values = (value.result ?? value).asJS();
  console.log(JSON.stringify({ values, cpu: (user + system) / 1e6, memory: process.resourceUsage().maxRSS / 1024 }));
}
