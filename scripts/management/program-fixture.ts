/**
 * Runs the real program against a server in this process: as a process of its own, or its commands one after
 * the other in one thread.
 */
import { execFile } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { startThreadInTurn, type ThreadInTurn } from '#platform/threads/thread-in-turn.ts'
import type { Node } from '#test/fakes/registry-world.ts'
import { CommandError } from './command-error.ts'

const CONCORDAT = path.join(import.meta.dirname, '../concordat')

export type Ran = { code: number; out: string; errors: string }
export type Asked = { act: 'registry' | 'server'; args: string[]; environment: Record<string, string> }

const MOST_MS = 60_000

/** `input` is what is typed. */
export function concordat(
  args: string[],
  environment: Record<string, string> = {},
  input = '',
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      CONCORDAT,
      args,
      { timeout: MOST_MS, env: { ...process.env, ...environment } },
      (error, out, errors) => resolve({ code: error === null ? 0 : Number(error.code), out, errors }),
    )
    child.stdin?.end(input)
  })
}

let thread: ThreadInTurn<Asked> | undefined

/**
 * As `concordat`, without input: a process loads the program for each command, which takes a quarter of a
 * second of a processor. What only a process shows, its streams, signals and end, is in concordat.test.ts and
 * management.test.ts.
 */
export async function inThread(
  [program, ...args]: [Asked['act'], ...string[]],
  environment: Record<string, string> = {},
): Promise<Ran> {
  // It ends with the test file that began it: the next one in this process needs another.
  if (thread === undefined || thread.isOver()) {
    const started = startThreadInTurn<Asked>(new URL('./command-thread-fixture.ts', import.meta.url))
    thread = started
    t.teardown(() => started.close())
  }
  return (await thread.ask({ act: program, args, environment }, MOST_MS)) as Ran
}

export function at(node: Node, keyFile = node.settings.admin.initialApiKeyFile!): Record<string, string> {
  const { address, port } = node.settings.admin
  return { CONCORDAT_REGISTRY_URL: `http://${address}:${port}`, CONCORDAT_REGISTRY_KEY_FILE: keyFile }
}

/** The exit code of the CommandError; undefined when nothing or another error is thrown. */
export async function exitCodeOf(of: Promise<unknown>): Promise<number | undefined> {
  try {
    await of
    return undefined
  } catch (error) {
    return error instanceof CommandError ? error.exitCode : undefined
  }
}
