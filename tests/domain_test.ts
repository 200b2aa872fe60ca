/** Domains, calls with parameters, lists. @module */
import fc from "fast-check";
import * as domain from "~/lib/domain.ts";
import {
  type Callable,
  callHelp,
  parseCall,
  splitList,
  UsageError,
  validate,
} from "~/lib/domain.ts";
import { assertEquals, assertThrows } from "@std/assert";

const NUMBERS: [keyof typeof domain, number[], number[]][] = [
  ["learningRate", [5e-324, 1, 1e308], [0, -1, NaN, Infinity]],
  ["batchSize", [1, 1e6], [0, 1.5, 1e6 + 1, NaN]],
  ["seed", [0, 2 ** 32 - 1], [-1, 0.5, 2 ** 32]],
  ["images", [1, 50_000], [0, 50_001, 2.5]],
  ["epochs", [0, 1e6], [-1, 0.5, 1e6 + 1]],
  ["directions", [1, 10_000], [0, 10_001]],
  ["radius", [0, 5], [-1e-9, NaN, Infinity]],
  ["threads", [1, 256], [0, 257, 1.5]],
  ["place", [0, 2 ** 53 - 1], [-1, 0.5, NaN, Infinity]],
  ["nats", [0, 1e-3], [-1e-3, NaN, Infinity]],
  ["decay", [0, 0.999], [1, -0.1, NaN]],
];

for (const [name, good, bad] of NUMBERS) {
  Deno.test(`${name} takes the edges of its domain and nothing beyond`, () => {
    const schema = domain[name] as Parameters<typeof validate>[0];
    for (const value of good) assertEquals(validate(schema, value, "It"), value);
    for (const value of [...bad, "1", null, undefined, true]) {
      const { message } = assertThrows(() => validate(schema, value, "It"), UsageError);
      assertEquals(message, `It must be ${schema.description}: current value is ${value}`);
    }
  });
}

const RULES: readonly Callable[] = [
  { name: "Plain", summary: "", parameters: {} },
  {
    name: "Heavy",
    summary: "",
    parameters: {
      momentum: { schema: domain.decay, default: 0, help: "" },
      nesterov: { schema: domain.flag, default: false, help: "" },
    },
  },
];

Deno.test("parseCall() reads names and parameters, case and spaces ignored, defaults filled in", () => {
  const cases: [string, string, Record<string, number | boolean>][] = [
    ["Plain", "Plain", {}],
    [" plain() ", "Plain", {}],
    ["HEAVY", "Heavy", { momentum: 0, nesterov: false }],
    ["heavy( momentum = 9e-1 , nesterov=true )", "Heavy", { momentum: 0.9, nesterov: true }],
    ["Heavy(nesterov=false)", "Heavy", { momentum: 0, nesterov: false }],
  ];
  for (const [text, name, parameters] of cases) {
    const call = parseCall(text, "rule", RULES);
    assertEquals([call.definition.name, call.parameters], [name, parameters]);
  }
});

Deno.test("parseCall() says what there is in place of what there is not", () => {
  const names = "it must be Plain or Heavy, with (key=value) where wanted";
  const cases: [string, string][] = [
    ["", `Cannot use rule (empty) as ${names}`],
    ["Light", `Cannot use rule Light as ${names}`],
    ["constructor", `Cannot use rule constructor as ${names}`],
    ["Heavy(momentum=0.9", `Cannot use rule Heavy(momentum=0.9 as ${names}`],
    ["Heavy(a)(b)", `Cannot use rule Heavy(a)(b) as ${names}`],
    [`${"x".repeat(300)}`, `Cannot use rule ${"x".repeat(200)} as ${names}`],
    [
      "Heavy(momentum=0.9,momentum=0)",
      "Cannot use rule Heavy(momentum=0.9,momentum=0) as momentum must be given once",
    ],
    ["Plain(a=1)", "Cannot use rule Plain(a=1) as it has no a: there is nothing to set"],
    ...["mass", "toString"].map((key): [string, string] => [
      `Heavy(${key}=1)`,
      `Cannot use rule Heavy(${key}=1) as it has no ${key}: there is momentum, nesterov`,
    ]),
    ...["1", "x", ".5=.6", ""].map((text): [string, string] => [
      `Heavy(momentum=${text})`,
      "Cannot use rule Heavy as momentum must be a number in [0, 1): current value is " +
      (text || "(empty)"),
    ]),
    [
      "Heavy(nesterov=1)",
      "Cannot use rule Heavy as nesterov must be true or false: current value is 1",
    ],
  ];
  for (const [text, message] of cases) {
    assertEquals(assertThrows(() => parseCall(text, "rule", RULES), UsageError).message, message);
  }
});

Deno.test("a call's text leaves out defaults, and reads as the same call", () => {
  const textOf = (momentum: number, nesterov: boolean): string =>
    parseCall(`heavy(nesterov=${nesterov},momentum=${momentum})`, "rule", RULES).text;
  assertEquals(textOf(0, false), "Heavy");
  assertEquals(textOf(-0, false), "Heavy");
  assertEquals(textOf(1e-7, true), "Heavy(momentum=1e-7,nesterov=true)");
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((x) => x + 0),
      fc.boolean(),
      (momentum, nesterov) => {
        const { parameters, text } = parseCall(textOf(momentum, nesterov), "rule", RULES);
        assertEquals([parameters, text], [{ momentum, nesterov }, textOf(momentum, nesterov)]);
      },
    ),
    { seed: 1, numRuns: 200 },
  );
});

Deno.test("callHelp() has a line for every call, with its unit, and for every parameter", () => {
  assertEquals(callHelp([{ ...RULES[0]!, summary: "does", unit: "nats" }, RULES[1]!]), [
    "Plain: does [nats]",
    "Heavy: ",
    "  momentum: , a number in [0, 1) (default 0)",
    "  nesterov: , true or false (default false)",
  ]);
});

Deno.test("splitList() splits at the commas outside brackets", () => {
  assertEquals(splitList("SGD, Adam(beta1=0.8,beta2=0.9) ,RMSprop(alpha=0.9)"), [
    "SGD",
    "Adam(beta1=0.8,beta2=0.9)",
    "RMSprop(alpha=0.9)",
  ]);
  assertEquals(splitList("SGD"), ["SGD"]);
  assertEquals(splitList("a,,b"), ["a", "", "b"]);
});
