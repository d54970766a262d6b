/** What the tests of a declared security server put into its file, and the documents beside it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createAuthority } from '#certs/authority.ts'
import { certificationRequest } from '#test/fakes/registry-sample.ts'
import { wsdl } from '#test/fakes/soap-service.ts'

export const CLIENT = 'DEV:GOV:1000:population'
export const OPENAPI = `openapi: 3.0.0
info: { title: Persons, version: "1" }
servers: [{ url: "http://10.0.0.1/v1" }]
paths: { "/p/{id}": { get: {}, delete: {} } }
`
const WSDL = wsdl('http://10.0.0.1/', ['echo/v1'])
const authority = await createAuthority({ clock: Date.now, instance: 'DEV' })
export const { der: certificate, sha256 } = await authority.issue({
  profile: 'authentication',
  request: certificationRequest(),
  subject: [
    ['C', 'FI'],
    ['O', 'One'],
    ['CN', 'ss1.example'],
    ['serialNumber', 'DEV/SS1/GOV'],
  ],
})

/** A file as an operator would write it. */
export function declaredFile(folder: string, change: (declared: Declared) => void = () => undefined): string {
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'system.der'), certificate)
  writeFileSync(path.join(folder, 'persons.yaml'), OPENAPI)
  writeFileSync(path.join(folder, 'echo.wsdl'), WSDL)
  const declared = {
    clients: [
      {
        ...{ id: CLIENT, connectionType: 'SSLNOAUTH', tlsCertificates: ['system.der'] },
        localGroups: [{ code: 'friends', description: 'Ours', members: ['DEV:COM:4000'] }],
        serviceDescriptions: [
          {
            ...{ type: 'OPENAPI', document: 'persons.yaml', enabled: true },
            services: [
              {
                ...{
                  serviceCode: 'persons',
                  url: 'https://10.0.0.1/',
                  timeoutMs: 5000,
                  validate: 'REQUESTS',
                },
                ...{ tlsCertificates: ['system.der'], endpoints: [{ method: 'POST', path: '/more' }] },
                accessRights: [
                  { subjectType: 'SUBSYSTEM', subjectId: 'DEV:COM:4000:tax' },
                  { subjectType: 'LOCALGROUP', subjectId: 'friends', method: 'POST', path: '/more' },
                  { subjectType: 'GLOBALGROUP', subjectId: 'all', method: 'GET', path: '/p/*' },
                ],
              },
            ],
          },
          { type: 'REST', services: [{ serviceCode: 'events', url: 'room:' }] },
          {
            ...{ type: 'WSDL', document: 'echo.wsdl', enabled: false, notice: 'not yet' },
            services: [{ serviceCode: 'echo', serviceVersion: 'v1', url: 'http://10.0.0.2/echo' }],
          },
        ],
        tracker: { accessRights: [{ subjectType: 'SUBSYSTEM', subjectId: 'DEV:COM:4000:tax' }] },
        consents: {},
      },
    ],
    subjectPlaces: [
      { serviceId: `${CLIENT}:persons`, method: 'GET', path: '/p/{id}', in: 'path', name: 'id' },
    ],
    retentionClasses: [{ name: 'month', keepDays: 30, atEnd: 'LEAF_ONLY', services: [`${CLIENT}:persons`] }],
    eventTypes: [{ roomId: `${CLIENT}:events`, name: 'org.example.born', keepDays: 9, closed: true }],
  }
  change(declared as never)
  const file = path.join(folder, 'server.yaml')
  writeFileSync(file, JSON.stringify(declared))
  return file
}
type Declared = { clients: Record<string, never>[] } & Record<string, never>
