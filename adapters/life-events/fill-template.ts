/**
 * Templates of calls: {name} stands for a value of the person's offer. What is no such name stays as it is
 * written.
 */
const NAME = /\{([A-Za-z][A-Za-z0-9_-]*)\}/g

/** The names in a template. */
export function namesIn(template: string): string[] {
  return [...template.matchAll(NAME)].map(([, name]) => name!)
}

/** Every name has its value: settings were checked, and an event that lacks one makes no offer. */
function fillTemplate(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(NAME, (_whole, name: string) => values[name] ?? '')
}

/** The same for each member. */
export function fillTemplates(
  templates: Readonly<Record<string, string>>,
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(templates).map(([name, text]) => [name, fillTemplate(text, values)]),
  )
}
