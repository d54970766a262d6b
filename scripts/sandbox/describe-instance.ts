/**
 * Describes a running sandbox as one object for programs: all addresses, and the files with keys and
 * settings.
 */

import { agenciesOf, folderOf, SERVER_PORTS, serverText, subsystemText } from './layout.ts'
import { registryUrl, serverUrl } from './people.ts'
import { MAIL_FOLDER, PORTAL, portalUrl } from './portal.ts'
import { describePublicLog } from './public-log.ts'
import type { Instance } from './running.ts'

/**
 * Files are absolute paths, addresses are base URLs. A server's `key` is the name of its folder and settings
 * file.
 */
export function describeInstance({ layout, processes }: Instance): object {
  const { directory, instance, memberClass, trust, registry, systems, portal, counter, wallet } = layout
  const file = (name: string): string => folderOf(layout, name)
  const servers = agenciesOf(layout).map((agency) => {
    const { key, name, memberCode, address } = agency
    const described = {
      id: serverText(layout, agency),
      member: `${instance}/${memberClass}/${memberCode}`,
      client: subsystemText(layout, agency),
      address,
      messagePort: SERVER_PORTS.messages,
      ocspPort: SERVER_PORTS.ocsp,
      httpUrl: `http://${address}:${SERVER_PORTS.http}`,
      httpsUrl: `https://${address}:${SERVER_PORTS.https}`,
      adminUrl: `http://${address}:${SERVER_PORTS.admin}`,
      consoleUrl: `${serverUrl(layout, agency)}/console/`,
      directory: file(key),
      apiKeyFile: file(`${key}/api-key`),
      settingsFile: file(`${key}.yaml`),
      logFile: file(`security server of the ${name}.log`),
      systemCertificateFile: file(`${key}/system.pem`),
      systemKeyFile: file(`${key}/system.key`),
    }
    return [key, described]
  })
  return {
    directory,
    instance,
    memberClass,
    trust: {
      caUrl: `http://${trust.address}:${trust.caPort}`,
      ocspUrl: `http://${trust.address}:${trust.ocspPort}`,
      tsaUrl: `http://${trust.address}:${trust.tsaPort}`,
      apiKeyFile: file('trust.key'),
      rootFile: file('trust/root.pem'),
    },
    registry: {
      publicUrl: `http://${registry.address}:${registry.publicPort}`,
      adminUrl: `http://${registry.address}:${registry.adminPort}`,
      registrationUrl: `https://${registry.address}:${registry.registrationPort}`,
      consoleUrl: `${registryUrl(layout)}/console/`,
      apiKeyFile: file('registry/api-key'),
      /** Installation codes; the sandbox has redeemed them unless it was started without the ceremony. */
      codeFiles: [file('registry/code-1'), file('registry/code-2')],
      settingsFile: file('registry.yaml'),
    },
    login: { issuer: `http://${trust.address}:${trust.openIdPort}`, peopleFile: file('openid.json') },
    systems,
    portal: portal && {
      url: portalUrl(portal),
      healthUrl: `http://${portal.address}:${portal.monitoring}/health/ready`,
      settingsFile: file(`${PORTAL}.yaml`),
      mailDirectory: file(MAIL_FOLDER),
    },
    wallet: wallet && { url: `http://${wallet.address}:${wallet.port}` },
    publicLog: describePublicLog(layout),
    counter: counter && { url: portalUrl(counter) },
    servers: Object.fromEntries(servers),
    processes: processes.map(({ name, pid }) => ({ name, pid })),
  }
}
