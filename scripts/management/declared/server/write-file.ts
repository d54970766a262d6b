/**
 * Writes what a security server has as a declared file, with the certificates and documents that it names in
 * the same folder.
 */
import { stringify } from 'yaml'
import type { ManagementApi } from '../../client.ts'
import { inTurn } from '../calls.ts'
import { makeFolder } from '../folder.ts'
import type { Right } from './read-file.ts'
import {
  type Certificate,
  isKeptHere,
  isSoap,
  type Present,
  type PresentClient,
  type PresentDescription,
  type PresentService,
  readPresent,
} from './read-present.ts'

/** Writes into a new folder. `hidden`: the parts that the caller may not read. Throws a CommandError. */
export async function writeDeclared(
  api: ManagementApi,
  folder: string,
): Promise<{ files: number; hidden: string[] }> {
  const present = await readPresent(api, {}, { whole: true })
  const { put, count } = await makeFolder(folder)
  const written = new Set<string>()
  const certificates = (all: Certificate[]): Promise<string[]> =>
    inTurn(all, async ({ sha256, pem }) => {
      const name = `${sha256.slice(0, 32)}.pem`
      if (!written.has(name)) await put(name, pem)
      written.add(name)
      return name
    })
  const document = async ({ id, type, url }: PresentDescription): Promise<object> => {
    if (type === 'REST') return {}
    if (url !== '') return { documentUrl: url }
    const at = `/api/v1/service-descriptions/${id}/document`
    const { bytes } = await api.send({ method: 'GET', url: at, headers: {}, body: undefined })
    return { document: await put(`description-${id}.${type === 'WSDL' ? 'wsdl' : 'yaml'}`, bytes) }
  }
  const service = async (of: PresentService): Promise<object> => ({
    serviceCode: of.serviceCode,
    ...(of.serviceVersion === undefined ? {} : { serviceVersion: of.serviceVersion }),
    ...{ url: of.url, timeoutMs: of.timeoutMs, maxConcurrentCalls: of.maxConcurrentCalls },
    ...{ verifyTls: of.verifyTls, validate: of.validate, allowEncodedSlash: of.allowEncodedSlash },
    tlsCertificates: await certificates(of.tlsCertificates),
    endpoints: of.endpoints
      .filter(({ base, generated }) => !base && !generated)
      .map(({ method, path }) => ({ method, path })),
    accessRights: rights(of),
  })
  const client = async (of: PresentClient): Promise<object> => ({
    ...{ id: of.id, connectionType: of.connectionType },
    ...(of.status === 'REGISTERED' ? { registered: true } : {}),
    tlsCertificates: await certificates(of.tlsCertificates),
    localGroups: of.localGroups.map(({ code, description, members }) => ({ code, description, members })),
    serviceDescriptions: await inTurn(
      of.serviceDescriptions.filter((one) => !isKeptHere(one)),
      async (one) => ({
        type: one.type,
        ...(await document(one)),
        enabled: !one.disabled,
        ...(one.disabled && one.disabledNotice !== '' ? { notice: one.disabledNotice } : {}),
        services: await inTurn(one.services, service),
      }),
    ),
    ...keptHere(of, present),
  })
  const parts = {
    clients: await inTurn(present.clients, client, 'clients'),
    ...more(present),
  }
  const shown = Object.fromEntries(Object.entries(parts).filter(([name]) => !present.hidden.includes(name)))
  await put('server.yaml', stringify(shown, { lineWidth: 0, aliasDuplicateObjects: false }))
  return { files: count(), hidden: present.hidden }
}

function rights({ accessRights }: PresentService): Right[] {
  return accessRights.map(({ subjectType, subjectId, wholeService, method, path }) => ({
    ...{ subjectType, subjectId },
    ...(wholeService ? {} : { method, path }),
  }))
}

function keptHere(
  { id, serviceDescriptions }: PresentClient,
  { trackers, consents, hidden }: Present & { hidden: string[] },
): object {
  const services = serviceDescriptions.flatMap((one) => one.services)
  const rightsTo = (url: string, inSoap = false): Right[] =>
    services.filter((one) => one.url === url && isSoap(one) === inSoap).flatMap(rights)
  const tracker = trackers.find(({ clientId, isOn }) => clientId === id && isOn)
  const hasConsents = consents.some(({ clientId, isOn }) => clientId === id && isOn)
  return {
    ...(hidden.includes('trackers')
      ? {}
      : {
          tracker:
            tracker === undefined
              ? null
              : {
                  ...{ soap: tracker.isInSoap, accessRights: rightsTo('tracker:') },
                  ...(tracker.isInSoap ? { soapAccessRights: rightsTo('tracker:', true) } : {}),
                },
        }),
    ...(hidden.includes('consents')
      ? {}
      : { consents: hasConsents ? { accessRights: rightsTo('consents:') } : null }),
  }
}

/** Only the fields that can be set; the API's answers have others. */
function more({ subjectPlaces, retentionClasses, trackerServices, eventTypes }: Present): object {
  return {
    subjectPlaces: subjectPlaces.map(({ serviceId, method, path, in: where, name, type }) => ({
      ...{ serviceId, method, path, in: where, name, type },
    })),
    retentionClasses: retentionClasses.map(({ name, keepDays, atEnd, archive, services }) => ({
      ...{ name, keepDays, atEnd, archive, services },
    })),
    trackerServices: trackerServices.map(({ clientId, serviceId, isGeneral, words }) => ({
      ...{ clientId, serviceId, isGeneral, words },
    })),
    eventTypes: eventTypes.map(({ roomId, name, schema, keepDays, closed, sources = [] }) => ({
      ...{ roomId, name, ...(schema && { schema }), keepDays, closed },
      ...(sources.length > 0 && { sources }),
    })),
  }
}
