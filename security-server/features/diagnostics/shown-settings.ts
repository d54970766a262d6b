/**
 * The settings that help who looks for a fault, each named here: what is added to the settings is in no
 * report until somebody adds it here. Addresses of databases, paths and everything that a secret may stand in
 * are left out.
 */

type Place = { address?: string; port?: number }

export type ShownSettings = {
  database: string
  messageLogDatabase: string
  hardwareTokens: readonly object[]
  transitTokens: readonly object[]
  peers: {
    address: string
    messagePort: number
    ocspPort: number
    perSecond: number
    underWay: number
    xroadTlsPeers: readonly string[]
  }
  allowedFederations: readonly string[]
  clients: { http?: Place; https?: Place }
  admin: Place
  login?: object
  backups?: object | undefined
  auditing: { contentFourEyes: boolean; ordersNeedApproval: boolean; authorities: readonly object[] }
  registryReports: { callCounts: boolean }
  tryOuts: { clients: readonly string[] }
  limits: { bodyBytes: number; soapBytes: number; replyTimeoutSeconds: number; unstampedHours: number }
  logKeyDays?: number
  subjectKeys?: object
  mandateServices: readonly { name: string }[]
  witness?: object
  witnesses?: object
  auditStream?: object
  deliveries: {
    eventBytes: number
    retryHours: number
    attempts: number
    keepDays: number
    sendersAtOnce: number
  }
  redisUrlFile?: string
  logLevel: string
  development: boolean
}

export function shownSettings(settings: ShownSettings) {
  const { peers, clients, admin, auditing, limits, deliveries, registryReports } = settings
  return {
    databases: { server: kindOf(settings.database), messageLog: kindOf(settings.messageLogDatabase) },
    hardwareTokens: settings.hardwareTokens.length,
    transitTokens: settings.transitTokens.length,
    peers: {
      ...{ address: peers.address, messagePort: peers.messagePort, ocspPort: peers.ocspPort },
      ...{ perSecond: peers.perSecond, underWay: peers.underWay, xroadTlsPeers: peers.xroadTlsPeers.length },
    },
    allowedFederations: settings.allowedFederations,
    clients: { http: placeOf(clients.http), https: placeOf(clients.https) },
    admin: placeOf(admin),
    hasLogin: settings.login !== undefined,
    hasBackups: settings.backups !== undefined,
    auditing: {
      contentFourEyes: auditing.contentFourEyes,
      ordersNeedApproval: auditing.ordersNeedApproval,
      authorities: auditing.authorities.length,
    },
    registryReports: { callCounts: registryReports.callCounts },
    tryOuts: settings.tryOuts.clients.length,
    limits: {
      ...{ bodyBytes: limits.bodyBytes, soapBytes: limits.soapBytes },
      ...{ replyTimeoutSeconds: limits.replyTimeoutSeconds, unstampedHours: limits.unstampedHours },
    },
    logKeyDays: settings.logKeyDays,
    hasSubjectKeys: settings.subjectKeys !== undefined,
    mandateServices: settings.mandateServices.length,
    isWitness: settings.witness !== undefined,
    hasWitnesses: settings.witnesses !== undefined,
    hasAuditStream: settings.auditStream !== undefined,
    deliveries: {
      ...{
        eventBytes: deliveries.eventBytes,
        retryHours: deliveries.retryHours,
        attempts: deliveries.attempts,
      },
      ...{ keepDays: deliveries.keepDays, sendersAtOnce: deliveries.sendersAtOnce },
    },
    hasRedis: settings.redisUrlFile !== undefined,
    logLevel: settings.logLevel,
    development: settings.development,
  }
}

function kindOf(url: string): string {
  return url.startsWith('postgres') ? 'PostgreSQL' : 'SQLite'
}

function placeOf(listener: Place | undefined): Place | undefined {
  return listener && { address: listener.address, port: listener.port }
}
