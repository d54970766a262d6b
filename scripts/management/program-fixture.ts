/** Runs the real program against a server in this process. */
import { execFile } from 'node:child_process'
import path from 'node:path'
import type { Node } from '#test/fakes/registry-world.ts'
import { CommandError } from './command-error.ts'

const CONCORDAT = path.join(import.meta.dirname, '../concordat')

export type Ran = { code: number; out: string; errors: string }

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
      { timeout: 60_000, env: { ...process.env, ...environment } },
      (error, out, errors) => resolve({ code: error === null ? 0 : Number(error.code), out, errors }),
    )
    child.stdin?.end(input)
  })
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
