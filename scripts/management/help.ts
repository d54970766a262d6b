/** The text of `--help` for a management API and for each of its commands. */
import { styleText } from 'node:util'
import type { Command } from './commands.ts'
import { type Headings, headingOf } from './headings.ts'
import { isSecret } from './read-call.ts'

/**
 * One line per command: those of our own first, then those of the API below their headings, each in the order
 * of its file.
 */
export function listCommands(
  own: Record<string, { summary: string }>,
  commands: Command[],
  headings: Headings,
): string {
  const width =
    Math.max(...[...Object.keys(own), ...commands.map(({ name }) => name)].map((one) => one.length)) + 2
  const line = (name: string, summary: string): string =>
    `  ${styleText('bold', name.padEnd(width))}${summary}\n`
  const groups = Object.keys(headings).map((title) => {
    const below = commands.filter(({ operation }) => headingOf(headings, operation.url) === title)
    return `${title}:\n${below.map(({ name, summary }) => line(name, summary)).join('')}`
  })
  const first = Object.entries(own).map(([name, { summary }]) => line(name, summary))
  return [`More than a single operation:\n${first.join('')}`, ...groups].join('\n')
}

/** The usage of one command. */
export function describeCommand(program: string, command: Command): string {
  const { name, summary, operation, positionals, options, fileType } = command
  const words = [...positionals, ...(fileType === undefined ? [] : ['file'])].map((one) => `<${one}>`)
  const own = options.map(
    ({ name, schema, required }) =>
      `  --${name.padEnd(28)}${typeOf(schema)}${isSecret(schema) ? ' or - (asked for, or a line of standard input)' : ''}${required ? ', needed' : ''}\n`,
  )
  const hasBody = operation.bodySchema !== undefined
  return (
    `Usage: concordat ${program} ${[name, ...words].join(' ')}${options.length > 0 ? ' [options]' : ''}\n\n` +
    `${summary}. Roles: ${operation.roles.join(', ')}.\n` +
    (operation.fourEyes
      ? `${whenByTwo(operation.fourEyesKind)} a second person has to approve it: --why says the reason.${onlyWhen(operation.fourEyesWhen)}\n`
      : '') +
    `\n${own.join('')}` +
    (hasBody ? `  --${'body'.padEnd(28)}a file with the whole body, YAML or JSON; - is standard input\n` : '')
  )
}

function onlyWhen(when: string | undefined): string {
  return when === undefined ? '' : ` Only when this holds: ${when}.`
}

function whenByTwo(kind: string | undefined): string {
  return kind === undefined
    ? 'Once the registry is installed'
    : `If the server's settings name ${kind} in fourEyes,`
}

function typeOf(schema: Command['options'][number]['schema']): string {
  const one = schema.type === 'array' ? schema.items : schema
  const choice = one?.['enum'] as string[] | undefined
  const fields = Object.keys(one?.properties ?? {})
  const type =
    choice?.join(' | ') ??
    (fields.length > 0
      ? `JSON with ${fields.join(', ')}`
      : one?.type === undefined
        ? 'text'
        : String(one.type))
  return schema.type === 'array' ? `${type}; may be given several times` : type
}
