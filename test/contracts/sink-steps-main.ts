/** Takes the steps it is given as its one argument, and prints what came of them. */
import { type SinkSteps, takeSteps } from "./sink-steps.ts";

const given = JSON.parse(process.argv[2] ?? "") as SinkSteps;
console.log(JSON.stringify(await takeSteps(given)));
