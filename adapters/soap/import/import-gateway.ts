/**
 * Settings of adapters, made of those of X-Road's REST adapter service
 * (nordic-institute/REST-adapter-service). What cannot be carried over is a line of comment in them, so that
 * nobody finds out when the first request comes.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { Fault } from '#schemas/fault.ts'
import type { Imported, Properties } from './gateway.ts'
import { importConsumer } from './import-consumer.ts'
import { importProvider } from './import-provider.ts'
import { readProperties } from './read-properties.ts'

/** The general settings of a side; its services are in the file beside it that the gateway reads. */
export async function importGateway(q: {
  consumer: string | undefined
  provider: string | undefined
}): Promise<{ name: string; text: string }[]> {
  const all: Imported[] = []
  if (q.consumer !== undefined)
    all.push(
      ...importConsumer(await read(q.consumer), await read(beside(q.consumer, 'consumers.properties'))),
    )
  if (q.provider !== undefined) {
    const general = await read(q.provider)
    const services = await read(beside(q.provider, 'providers.properties'))
    all.push(...(await importProvider(general, services, beside(q.provider, general.get('wsdl.path') ?? ''))))
  }
  if (all.length === 0) throw invalid('there is no service of a subsystem in these settings')
  return all.map(({ name, settings, notes }) => ({ name, text: textOf(name, settings, notes) }))
}

function textOf(name: string, settings: object, notes: string[]): string {
  const adapter = name.startsWith('soap') ? 'soap' : 'rest-as-soap'
  const lines = [
    `Made of the settings of X-Road's REST adapter service; for: concordat adapter ${adapter} --configuration ${name}`,
    'docs/configuration.md explains each setting. What could not be carried over:',
    ...[...new Set(notes)].map((note) => `- ${note.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ')}`),
  ]
  return `${lines.map((line) => `# ${line}`).join('\n')}\n\n${stringify(settings, { lineWidth: 0 })}`
}

async function read(file: string): Promise<Properties> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw invalid(`${file} cannot be read`, cause)
  })
  return readProperties(bytes, file)
}

function beside(file: string, name: string): string {
  return path.resolve(path.dirname(file), name)
}

function invalid(what: string, cause?: unknown): Fault {
  return new Fault('invalid_configuration', { what, cause })
}
