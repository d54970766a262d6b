/**
 * `concordat delete-shared-file`: takes a file that nodes share from all of them for ever, as after a
 * rotation the retired log key.
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { readConfiguration } from '#platform/configuration/read-configuration.ts'
import { readClusterKeys } from '#platform/shared-files/cluster-key.ts'
import { deleteSharedFile } from '#platform/shared-files/delete-shared-file.ts'
import { openSharedFileStore } from '#platform/shared-files/store.ts'
import { Fault } from '#schemas/fault.ts'
import { checkSettings, type Settings, settingsSchema } from '#security-server/config.ts'

const DELETABLE = /^(?:log-keys|delivery-keys)\/\d{6}-[0-9a-f]{16}\.key$/

const USAGE = `Usage: concordat delete-shared-file --configuration <file.yaml> log-keys/<number>-<id>.key

Deletes a retired log key, or a retired key of one-way messages (delivery-keys/...), on all nodes of a security server: what only this key opens is
gone for ever. The nodes may be running; each deletes its file within seconds, one that is stopped when it starts. A file that is deleted on one
node by hand comes back instead. Run it on a node, as the user of the server.
`

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' }, configuration: { type: 'string' } },
  })
  const [name, ...more] = positionals
  if (values.help === true || values.configuration === undefined || name === undefined || more.length > 0) {
    const out = values.help === true ? process.stdout : process.stderr
    out.write(USAGE)
    return values.help === true ? 0 : 2
  }
  if (!DELETABLE.test(name))
    throw new Fault('invalid_input', {
      what: `${name.slice(0, 80)} is no log key and no key of one-way messages`,
    })
  const settings = await readConfiguration<Settings>(values.configuration, settingsSchema, {}, 'CONCORDAT')
  checkSettings(settings)
  const keys = settings.nodes && (await readClusterKeys(settings.nodes.clusterKeyFile))
  if (keys === undefined)
    throw new Fault('conflict', {
      what: `this server is one node: delete ${path.join(settings.directory, name)} itself`,
    })
  const { store, close } = await openSharedFileStore(settings.database)
  try {
    await deleteSharedFile(store, { keys, scope: settings.server, name })
  } finally {
    await close()
  }
  process.stdout.write(`${name} goes on all nodes.\n`)
  return 0
}
