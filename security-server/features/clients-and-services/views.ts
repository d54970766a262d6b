/** Clients, services and access rights as the API shows them: ids in its form, times as ISO texts. */
import type { ConfigurationIndex } from '#core/configuration/configuration-index.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { idText, type ServerId } from '#schemas/identifiers.ts'
import { listed, type Said } from '#schemas/said.ts'
import type { GlobalConfiguration } from '../../global-configuration/global-configuration.ts'
import { inForce } from '../../global-configuration/snapshot.ts'
import { certificateFacts } from '../../local-systems/certificate-facts.ts'
import type { ClientStatus } from '../../local-systems/client-status.ts'
import { createSubjectCheck } from '../../local-systems/unknown-subject.ts'
import type { ClientView, LocalGroup, ServiceDescription, ServiceView } from '../../local-systems/view.ts'
import { certificatePem } from '../../local-systems/view.ts'

/** With the names that the configuration has for it. */
export function clientView(
  client: ClientView,
  status: ClientStatus,
  index: Pick<ConfigurationIndex, 'memberName' | 'subsystemName'> | undefined,
) {
  return {
    id: colonForm(idText(client.id)),
    memberName: index?.memberName(client.id),
    subsystemName: index?.subsystemName(client.id),
    status,
    connectionType: client.authenticationMode,
    createdAt: client.createdAt,
    tlsCertificates: client.certificates.length,
    services: client.descriptions.reduce((count, each) => count + each.services.length, 0),
  }
}

/** Certificates of the systems of a client, or of the system of a service. */
export function certificateViews(certificates: { sha256: string; der: Buffer }[]) {
  return certificates.map(({ sha256, der }) => ({
    sha256,
    ...certificateFacts(der),
    pem: certificatePem(der),
  }))
}

/** A local group in a list: how many members it has, not which. */
export function groupSummary({ id, client, code, description, members }: LocalGroup) {
  return { id, clientId: colonForm(idText(client)), code, description, members: members.length }
}

/**
 * Views that warn about rights and groups whose subject does not exist. The check uses the configuration at
 * the time of each call.
 */
export function viewsWith(q: {
  globalConfiguration: Pick<GlobalConfiguration, 'current'>
  server: ServerId
}) {
  const checkNow = () => {
    const snapshot = inForce(q.globalConfiguration)
    return createSubjectCheck(q.server.instance, (instance) => snapshot?.indexFor(instance))
  }

  function accessRights(view: ServiceView) {
    const whyNobody = checkNow()
    return view.accessRights.map((right) => {
      const endpoint = view.endpoints.find(({ id }) => id === right.endpoint)
      return {
        id: right.id,
        subjectType: right.subjectType,
        subjectId: right.subjectType === 'SUBSYSTEM' ? colonForm(right.subject) : right.subject,
        endpointId: right.endpoint,
        wholeService: endpoint?.base === true,
        method: endpoint?.method,
        path: endpoint?.path,
        createdAt: right.createdAt,
        warning: warningOf(whyNobody({ type: right.subjectType, id: right.subject })),
      }
    })
  }

  function serviceView(view: ServiceView) {
    const { service, certificates } = view
    return {
      id: view.key,
      serviceDescriptionId: view.description,
      fullServiceId: colonForm(idText(service.id)),
      serviceCode: service.id.serviceCode,
      serviceVersion: service.id.serviceVersion,
      type: service.type,
      url: service.url,
      timeoutMs: service.timeoutMs,
      maxConcurrentCalls: service.maxConcurrentCalls ?? 0,
      verifyTls: service.verifyTls,
      validate: service.validate,
      allowEncodedSlash: service.allowEncodedSlash,
      disabled: service.disabledNotice !== undefined,
      tlsCertificates: certificateViews(certificates),
      endpoints: view.endpoints,
      accessRights: accessRights(view),
    }
  }

  return {
    accessRights,
    service: serviceView,
    /** Without the `document`, which has an operation of its own. */
    description(description: ServiceDescription) {
      const { id, client, type, url, disabled, disabledNotice, updatedAt, services, parts } = description
      const common = {
        id,
        clientId: colonForm(idText(client)),
        type,
        url,
        disabled,
        disabledNotice,
        updatedAt,
        // What was put into its document when that was fetched.
        ...(parts.length > 0 && { parts }),
      }
      return { ...common, services: services.map(serviceView) }
    },
    group({ id, client, code, description, members }: LocalGroup) {
      const whyNobody = checkNow()
      const items = members.map((member) => colonForm(idText(member)))
      const warnings = members.flatMap(
        (member) => warningOf(whyNobody({ type: 'MEMBER', id: idText(member) })) ?? [],
      )
      return { id, clientId: colonForm(idText(client)), code, description, members: items, warnings }
    },
  }
}

function warningOf(unknown: { what: Said; remedy: Said } | undefined): Said | undefined {
  return unknown && listed([unknown.what, unknown.remedy], '. ')
}
