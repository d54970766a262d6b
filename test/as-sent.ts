/** What a program gets of an object that is sent to it: words have printed themselves in English. */
export function asSent(given: unknown): Record<string, unknown> {
  return JSON.parse(JSON.stringify(given)) as Record<string, unknown>
}
