/**
 * How litewitness is built for the tests: with a Go that fails, and with one that works. Nothing is installed
 * or fetched here.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'

const SCRIPT = path.join(import.meta.dirname, 'outside-tools.sh')

/**
 * A home folder with Kafka, pebble, OpenBao, Helm, Kubernetes' schemas and Credo-TS, and programs before all
 * others: this `go`, and an `id` of somebody who may install nothing.
 */
function machine(t: Test, go: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'concordat-tools-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [home, bin, calls] = [path.join(folder, 'home'), path.join(folder, 'bin'), path.join(folder, 'calls')]
  for (const name of ['kafka-3.9.1', 'credo-0.6.3']) {
    const brought = path.join(home, '.cache/concordat', name)
    mkdirSync(brought, { recursive: true })
    writeFileSync(path.join(brought, 'complete'), '')
  }
  mkdirSync(path.join(home, '.cache/concordat/kubernetes-validate-1.37.0'))
  for (const file of ['pebble-2.10.3/pebble', 'openbao-2.7.2/bao', 'helm-3.17.3/helm']) {
    const built = path.join(home, '.cache/concordat', file)
    mkdirSync(path.dirname(built))
    writeFileSync(built, '', { mode: 0o755 })
  }
  mkdirSync(bin)
  writeFileSync(calls, '')
  const programs = { id: 'echo 1000', go: `echo "$GOTOOLCHAIN $*" >>'${calls}'\n${go}` }
  for (const [name, does] of Object.entries(programs)) {
    writeFileSync(path.join(bin, name), `#!/bin/sh\n${does}\n`)
    chmodSync(path.join(bin, name), 0o755)
  }
  return {
    built: path.join(home, '.cache/concordat/litewitness-0.6.1/litewitness'),
    calls: () => readFileSync(calls, 'utf8').trim().split('\n'),
    run: () => {
      const env = { ...process.env, HOME: home, PATH: `${bin}:${process.env.PATH}` }
      const { status, stdout, stderr } = spawnSync('sh', [SCRIPT], { env, encoding: 'utf8' })
      return { status, said: `${stdout}${stderr}` }
    },
  }
}

void t.test('a Go that cannot build it says why, once a day, and what is missing', async (t) => {
  const { built, calls, run } = machine(t, 'echo "go.mod requires go >= 1.99" >&2; exit 1')
  const first = run()
  t.match(first, { status: 0, said: /Building litewitness/ })
  t.match(first.said, /requires go >= 1\.99/)
  t.match(first.said, /ended with 1,/)
  t.match(first.said, /Missing: .*litewitness \(by Go\)/)
  t.notOk(existsSync(built))
  const second = run()
  t.match(second, { status: 0, said: /Missing: .*litewitness \(by Go\)/ })
  t.notMatch(second.said, /Building/)
  t.same(calls(), ['local install filippo.io/torchwood/cmd/litewitness@v0.6.1'], 'and no newer Go is fetched')
})

void t.test('once it is built it is not built again', async (t) => {
  const { built, calls, run } = machine(t, 'mkdir -p "$GOBIN"; cp "$0" "$GOBIN/litewitness"')
  t.notMatch(run().said, /litewitness \(by Go\)|ended with/)
  t.ok(existsSync(built))
  t.notMatch(run().said, /litewitness/)
  t.equal(calls().length, 1)
})
