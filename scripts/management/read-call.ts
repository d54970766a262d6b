/**
 * Turns the arguments after a command into one call of the API. Wrong arguments are reported before anything
 * is sent.
 */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { didYouMean } from '../command-line/nearest-word.ts'
import { CommandError } from './command-error.ts'
import type { Command, Option } from './commands.ts'
import { createSecrets, type Secrets } from './read-secret.ts'

export type Call = {
  method: string
  /** The path below the API's base, with the query. */
  url: string
  headers: Record<string, string>
  body: Buffer | undefined
}

type CallOptions = { json: boolean; all: boolean; output: string | undefined }

const LONGEST_TYPED = 512

const COMMON = {
  why: { type: 'string' },
  body: { type: 'string' },
  json: { type: 'boolean', default: false },
  all: { type: 'boolean', default: false },
  output: { type: 'string' },
} as const

/**
 * Throws a CommandError for unknown, missing or malformed arguments. `read` returns a file's bytes, `-` is
 * standard input. `secret` returns a value that must not be among the arguments.
 */
export async function readCall(
  command: Command,
  args: string[],
  read: (file: string) => Promise<Buffer> = readInput,
  secret: Secrets = createSecrets(),
): Promise<{ call: Call; options: CallOptions }> {
  const own = command.options.map(({ name, schema }) => [
    name,
    { type: isSwitch(schema) ? 'boolean' : 'string', multiple: schema.type === 'array' },
  ])
  const { values, positionals } = parsed(command, args, { ...COMMON, ...Object.fromEntries(own) })
  const wanted = [...command.positionals, ...(command.fileType === undefined ? [] : ['file'])]
  if (positionals.length !== wanted.length)
    throw wrong(command, `takes ${wanted.map((name) => `<${name}>`).join(' ') || 'no arguments'}`)

  const query = new URLSearchParams()
  const fields: Record<string, unknown> = {}
  for (const option of command.options) {
    const given = values[option.name]
    if (given === undefined) continue
    for (const text of Array.isArray(given) ? given : [given]) {
      if (option.place === 'query') query.append(option.name, String(text))
      else if (text === '-' && isSecret(option.schema)) fields[option.name] = await secret(option.name)
      else fields[option.name] = await fieldOf(command, option, text, fields[option.name], read)
    }
  }
  const path = command.positionals.reduce(
    (url, name, at) => url.replace(`:${name}`, encodeURIComponent(positionals[at]!)),
    command.operation.url,
  )
  const body = await bodyOf(command, fields, values['body'] as string | undefined, positionals.at(-1), read)
  return {
    call: {
      method: command.operation.method,
      url: query.size === 0 ? path : `${path}?${query}`,
      headers: {
        ...(body === undefined ? {} : { 'content-type': command.fileType ?? 'application/json' }),
        ...(values['why'] === undefined ? {} : { 'x-reason': encodeURIComponent(String(values['why'])) }),
      },
      body,
    },
    options: {
      json: values['json'] === true,
      all: values['all'] === true,
      output: values['output'] as string | undefined,
    },
  }
}

function parsed(command: Command, args: string[], options: object) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      allowNegative: true,
      options: options as typeof COMMON,
    }) as {
      values: Record<string, string | boolean | string[] | undefined>
      positionals: string[]
    }
  } catch (cause) {
    // The rest of Node's message is advice that does not apply here.
    const said = (cause as Error).message.split(/\n|\. To specify/, 1)[0]!
    const [, unknown] = /^Unknown option '(--[^']+)'/.exec(said) ?? []
    const known = Object.keys(options).map((name) => `--${name}`)
    const near = unknown === undefined ? '' : didYouMean(unknown, known)
    throw wrong(
      command,
      `does not understand this: ${said}${near || ';'} with --help it says what it takes`,
      cause,
    )
  }
}

/**
 * A field's value: `@file` is the text of a file. Numbers, lists of objects and objects are written as JSON.
 */
async function fieldOf(
  command: Command,
  { name, schema }: Option,
  given: string | boolean,
  before: unknown,
  read: (file: string) => Promise<Buffer>,
): Promise<unknown> {
  const text = typeof given === 'string' && given.startsWith('@') ? String(await read(given.slice(1))) : given
  if (schema.type === 'array') {
    const list = Array.isArray(before) ? (before as unknown[]) : []
    const isText = schema.items?.type === 'string' || schema.items?.['enum'] !== undefined
    return isText ? [...list, text] : [...list, ...jsonList(command, name, String(text))]
  }
  if (schema.type === 'string' || typeof text === 'boolean' || schema.type === undefined) return text
  return json(command, name, text)
}

function jsonList(command: Command, name: string, text: string): unknown[] {
  const value = json(command, name, text)
  return Array.isArray(value) ? value : [value]
}

function json(command: Command, name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw wrong(command, `wants JSON in --${name}`, cause)
  }
}

async function bodyOf(
  command: Command,
  fields: Record<string, unknown>,
  file: string | undefined,
  last: string | undefined,
  read: (file: string) => Promise<Buffer>,
): Promise<Buffer | undefined> {
  if (command.fileType !== undefined) return read(last!)
  if (command.operation.bodySchema === undefined) {
    if (file !== undefined) throw wrong(command, 'takes no --body')
    return undefined
  }
  const whole = file === undefined ? {} : (parse(String(await read(file))) as Record<string, unknown>)
  const body = { ...whole, ...fields }
  const missing = command.options.filter((one) => one.place === 'body' && one.required && !(one.name in body))
  if (missing.length > 0) throw wrong(command, `needs ${missing.map(({ name }) => `--${name}`).join(', ')}`)
  return Object.keys(body).length === 0 && !command.operation.bodyRequired
    ? undefined
    : Buffer.from(JSON.stringify(body))
}

/** A text that the API only receives and never returns, and that is short enough to be typed. */
export function isSecret({ type, writeOnly, maxLength }: Option['schema']): boolean {
  return type === 'string' && writeOnly === true && Number(maxLength) <= LONGEST_TYPED
}

function isSwitch({ type }: Option['schema']): boolean {
  return type === 'boolean'
}

function wrong(command: Command, what: string, cause?: unknown): CommandError {
  return new CommandError(2, `${command.name} ${what}`, cause)
}

async function readInput(file: string): Promise<Buffer> {
  try {
    return await readFile(file === '-' ? '/dev/stdin' : file)
  } catch (cause) {
    throw new CommandError(2, `${file} cannot be read`, cause)
  }
}
