/**
 * The client package as an agency's developer has it: packed, unpacked below a node_modules, and the examples
 * of its README.
 */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = path.join(import.meta.dirname, '../..')
const SOURCE = path.join(ROOT, 'adapters/client')
const TYPES = path.join(ROOT, 'node_modules')

type Ran = { code: number; output: string }

/**
 * Packs it by the project's own command, and gives a project folder in which it is installed. What is packed
 * is a copy: compiled files among the sources would be a change of these, and from then on all servers of the
 * gate would run unbuilt.
 */
export async function installPackedClient(): Promise<string> {
  const project = mkdtempSync(path.join(tmpdir(), 'concordat-client-'))
  const installed = path.join(project, 'node_modules/@concordat/client')
  mkdirSync(installed, { recursive: true })
  const copy = mkdtempSync(path.join(tmpdir(), 'concordat-client-source-'))
  const source = path.join(copy, 'adapters/client')
  cpSync(SOURCE, source, { recursive: true, filter: (file) => path.basename(file) !== 'dist' })
  cpSync(path.join(ROOT, 'tsconfig.json'), path.join(copy, 'tsconfig.json'))
  symlinkSync(TYPES, path.join(copy, 'node_modules'))
  await run('npm', ['pack', source, '--pack-destination', project], { cwd: source })
  rmSync(copy, { recursive: true, force: true })
  const { version } = JSON.parse(readFileSync(path.join(SOURCE, 'package.json'), 'utf8')) as {
    version: string
  }
  const file = path.join(project, `concordat-client-${version}.tgz`)
  await run('tar', ['-xzf', file, '--strip-components=1', '-C', installed])
  const dependencies = { '@concordat/client': version }
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ type: 'module', dependencies }))
  return project
}

/** The code blocks of a document with a file name ("```js node ask.mjs"); without one of the README. */
export function readExamples(document = 'adapters/client/README.md'): {
  tool: string
  file: string
  code: string
}[] {
  const text = readFileSync(path.join(ROOT, document), 'utf8')
  return [...text.matchAll(/^```\w+ (\w+) (\S+)\n([\s\S]*?)^```$/gm)].map(
    ([, tool = '', file = '', code = '']) => ({
      tool,
      file,
      code,
    }),
  )
}

/** Only what hangs takes so long: a compiler on a busy machine needs minutes. */
const HANGS_MS = 480_000

/** Runs a program in the project; its environment is an ordinary shell's. */
export async function runIn(project: string, program: string, args: string[]): Promise<Ran> {
  const options = { cwd: project, timeout: HANGS_MS, env: { PATH: process.env['PATH'], HOME: project } }
  try {
    const { stdout, stderr } = await run(program, args, options)
    return { code: 0, output: stdout + stderr }
  } catch (cause) {
    const { code, stdout = '', stderr = '' } = cause as { code?: number; stdout?: string; stderr?: string }
    return { code: typeof code === 'number' ? code : -1, output: stdout + stderr }
  }
}

/** What the compiler says of `files`, a developer's own strict settings given. */
export async function compileIn(project: string, files: Record<string, string>): Promise<Ran> {
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(project, name), text)
  const strict = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--skipLibCheck',
    'false',
  ]
  const own = ['--allowImportingTsExtensions', '--types', 'node', '--typeRoots', path.join(TYPES, '@types')]
  const names = Object.keys(files).filter((name) => !name.endsWith('paths.ts'))
  return runIn(project, process.execPath, [
    path.join(TYPES, 'typescript/bin/tsc'),
    ...strict,
    ...own,
    ...names,
  ])
}
