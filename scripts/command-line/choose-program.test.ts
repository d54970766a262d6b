import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { chooseProgram } from './choose-program.ts'
import { COMMANDS, SERVERS } from './words.ts'

t.test('an installation runs the program that a clone runs', (t) => {
  const folder = t.testdir({ scripts: {}, node_modules: { '.bin': {}, fastify: {} } })
  for (const file of ['concordat', 'find-node.sh'])
    cpSync(path.join(import.meta.dirname, '..', file), path.join(folder, 'scripts', file))
  // A fake node that prints its arguments, in place of the one in the package.
  const node = path.join(folder, 'node_modules/.bin/node')
  writeFileSync(node, `#!/bin/sh\n[ "$1" = --version ] && echo v26.0.0 && exit\nprintf '%s\\n' "$@"\n`)
  chmodSync(node, 0o755)
  const settings = ['--configuration', 'x.yaml']
  const adapters = Object.keys(COMMANDS.adapter.words).map((name) => ['adapter', name])
  const several = [
    'sql-land',
    'sql-messages-land',
    'file-messages-a',
    'events-b',
    'rest-as-soap-c',
    'soapy',
  ].map((name) => ['adapter', name])
  const named = [...Object.keys(SERVERS).map((name) => [name]), ...adapters, ...several, ['mock']]
  // No installation has a certification authority for development.
  for (const words of named.filter(([name]) => name !== 'trust-services')) {
    for (const more of [
      settings,
      ['--configuration=x.yaml'],
      ['--help'],
      ['describe', ...settings],
      ['--check'],
    ]) {
      const all = [...words, ...more]
      const { stdout } = spawnSync(path.join(folder, 'scripts/concordat'), all, { encoding: 'utf8' })
      const { program, taken } = chooseProgram(all)
      const given = stdout.trim().split('\n')
      const at = given.findIndex((one) => one.endsWith('.ts'))
      const here = { program: path.relative(folder, given[at]!), rest: given.slice(at + 1) }
      t.strictSame({ program: `${program}.ts`, rest: all.slice(taken) }, here, all.join(' '))
    }
  }
  t.equal(chooseProgram(['adapter', 'sql-messages-b', ...settings]).program, 'adapters/sql/messages/main')
  t.equal(chooseProgram(['adapter', 'sql-land', ...settings]).program, 'adapters/sql/main')
  t.equal(chooseProgram(['adapter', 'sqlland', ...settings]).program, 'scripts/concordat')
  t.end()
})
