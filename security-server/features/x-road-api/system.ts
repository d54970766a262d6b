/** The internal TLS certificate, the server's address, maintenance, and backups. */
import { bodyBytes } from '#platform/http-service/read-bodies.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import { allPages } from './all-pages.ts'
import { detailsOfPem } from './certificate-details.ts'
import { type Asked, type Entry, fileOf } from './entry.ts'
import { fieldsOf } from './fields.ts'
import type { Needs } from './needs.ts'

const CERTIFICATE = '/system/certificate'
const MAINTENANCE = '/system/maintenance-mode'

type Own = { pem: string }
type Status = { address?: string; maintenance?: { message?: string } }
type Backup = { id: number; name: string; state: string; begunAt: string }

export function systemEntries(rooms: Needs): Entry[] {
  return [...certificateEntries(), ...serverEntries(rooms), ...backupEntries()]
}

function certificateEntries(): Entry[] {
  return [
    {
      ...{ name: 'getSystemCertificate', method: 'GET', path: CERTIFICATE, status: 200 },
      through: ['getSystemCertificate'],
      answer: async ({ call }) => detailsOfPem((await call<Own>('getSystemCertificate')).pem),
    },
    {
      ...{ name: 'generateSystemTlsKeyAndCertificate', method: 'POST', path: CERTIFICATE, status: 201 },
      through: ['generateSystemTlsKeyAndCertificate'],
      answer: async ({ call }) => void (await call('generateSystemTlsKeyAndCertificate')),
    },
    {
      ...{ name: 'downloadSystemCertificate', method: 'GET', path: `${CERTIFICATE}/export`, status: 200 },
      through: ['downloadSystemCertificate'],
      answer: async ({ call }) => fileOf(await call('downloadSystemCertificate'), 'internal-tls.pem'),
    },
    {
      ...{
        name: 'generateSystemCertificateRequest',
        method: 'POST',
        path: `${CERTIFICATE}/csr`,
        status: 200,
      },
      through: ['generateSystemCertificateRequest'],
      async answer({ body, call }) {
        const subject = namedFields(fieldsOf(body).text('name'))
        const { pem } = await call<Own>('generateSystemCertificateRequest', { body: { subject } })
        return fileOf(Buffer.from(pem), 'internal-tls.csr')
      },
    },
    {
      ...{ name: 'importSystemCertificate', method: 'POST', path: `${CERTIFICATE}/import`, status: 200 },
      ...{ takes: 'bytes', through: ['importSystemCertificate'] },
      codes: { conflict: 'certificate_already_exists' },
      answer: async ({ body, call }) =>
        detailsOfPem((await call<Own>('importSystemCertificate', { body: bodyBytes(body) })).pem),
    },
  ]
}

function serverEntries({ globalConfiguration, localSystems }: Needs): Entry[] {
  const isProvider = (): boolean => {
    const id = inForce(globalConfiguration)?.index.privateParameters?.managementService?.providerId
    return id !== undefined && localSystems.view().clients.has(idText(id))
  }
  const status = ({ call }: Asked): Promise<Status> => call('getInitializationStatus')
  return [
    {
      ...{ name: 'getServerAddress', method: 'GET', path: '/system/server-address', status: 200 },
      through: ['getInitializationStatus'],
      async answer(asked) {
        const { address } = await status(asked)
        return address === undefined ? {} : { current_address: { address } }
      },
    },
    {
      ...{ name: 'addressChange', method: 'PUT', path: '/system/server-address', status: 202 },
      through: ['addressChange'],
      answer: async ({ body, call }) =>
        void (await call('addressChange', { body: { address: fieldsOf(body).text('address') } })),
    },
    {
      ...{ name: 'maintenanceMode', method: 'GET', path: MAINTENANCE, status: 200 },
      through: ['getInitializationStatus'],
      answer: async (asked) => ({
        status:
          (await status(asked)).maintenance === undefined
            ? 'DISABLED_MAINTENANCE_MODE'
            : 'ENABLED_MAINTENANCE_MODE',
        is_management_services_provider: isProvider(),
      }),
    },
    {
      ...{ name: 'enableMaintenanceMode', method: 'PUT', path: `${MAINTENANCE}/enable`, status: 204 },
      through: ['enableMaintenanceMode'],
      async answer({ body, call }) {
        const message = body === undefined ? undefined : fieldsOf(body).textOr('message', undefined)
        await call('enableMaintenanceMode', message === undefined ? {} : { body: { message } })
      },
    },
    {
      ...{ name: 'disableMaintenanceMode', method: 'PUT', path: `${MAINTENANCE}/disable`, status: 204 },
      through: ['disableMaintenanceMode'],
      answer: async ({ call }) => void (await call('disableMaintenanceMode')),
    },
  ]
}

function backupEntries(): Entry[] {
  const view = ({ name, begunAt }: Backup) => ({ filename: name, created_at: begunAt })
  const made = (asked: Asked): Promise<Backup[]> =>
    allPages(asked, 'getBackups', { query: { state: 'made' } }, 200)
  return [
    {
      ...{ name: 'getBackups', method: 'GET', path: '/backups', status: 200, through: ['getBackups'] },
      answer: async (asked) => (await made(asked)).map(view),
    },
    {
      ...{ name: 'addBackup', method: 'POST', path: '/backups', status: 201, through: ['makeBackup'] },
      answer: async ({ call }) => view(await call<Backup>('makeBackup')),
    },
    {
      ...{ name: 'downloadBackup', method: 'GET', path: '/backups/:filename/download', status: 200 },
      through: ['getBackups', 'downloadBackup'],
      codes: { not_found: 'backup_file_not_found' },
      async answer(asked) {
        const found = (await made(asked)).find(({ name }) => name === asked.params['filename'])
        if (found === undefined) throw new Fault('not_found', { what: `this backup` })
        return fileOf(await asked.call('downloadBackup', { params: { id: String(found.id) } }), found.name)
      },
    },
  ]
}

/** The characters of a distinguished name that anybody would want. */
const LONGEST_NAME = 1000
const LONGEST_VALUE = 255
/**
 * One field: no comma in it but after a backslash. Its two alternatives share no character, so it is read in
 * one go.
 */
const FIELD = /((?:\\.|[^\\,])+)(?:,|$)/gsy

/** A distinguished name in X-Road's form, "CN=10.0.0.20, O=Agency\, South, C=FI". Throws `invalid_input`. */
function namedFields(name: string): { type: string; value: string }[] {
  const wrong = (): Fault =>
    new Fault('invalid_input', { what: `${name.slice(0, 200)} is no distinguished name` })
  if (name.length > LONGEST_NAME) throw wrong()
  const parts = [...name.matchAll(FIELD)]
  const isWhole = parts.reduce((sum, [part]) => sum + part.length, 0) === name.length
  if (!isWhole || parts.at(-1)?.[0] !== parts.at(-1)?.[1]) throw wrong()
  return parts.map(([, part = '']) => {
    const at = part.indexOf('=')
    const type = part.slice(0, Math.max(at, 0)).trim()
    const value = part.slice(at + 1).trim()
    if (!/^[A-Za-z0-9.]{1,64}$/.test(type) || value === '' || value.length > LONGEST_VALUE) throw wrong()
    return { type, value: value.replace(/\\(.)/g, '$1') }
  })
}
