/** The settings of the process that runs the agencies' own systems. */
import { benefitSettings, officeOf } from '../benefits.ts'
import { companySettings } from '../files.ts'
import {
  COMPANY_SERVICE,
  folderOf,
  type Layout,
  POPULATION_SERVICE,
  SERVER_PORTS,
  subsystemText,
} from '../layout.ts'
import { mandateSettings } from '../mandates.ts'
import { COUNTER, MAIL_FOLDER } from '../portal.ts'
import { archiveSettings } from '../public-log.ts'

/** `isPast`: nobody looks while the past is made, and nothing is offered. */
export function agencySettings(layout: Layout, isPast: boolean): object {
  const { systems, agencies } = layout
  const asker = (agency: (typeof agencies)['tax'], port: number): object => ({
    port,
    securityServerUrl: `https://${agency.address}:${SERVER_PORTS.https}`,
    client: subsystemText(layout, agency),
    certificateFile: folderOf(layout, `${agency.key}/system.pem`),
    keyFile: folderOf(layout, `${agency.key}/system.key`),
  })
  const office = officeOf(layout)
  return {
    directory: layout.directory,
    address: systems.address,
    populationRegisterPort: systems.populationRegister,
    service: `${subsystemText(layout, agencies.population)}/${POPULATION_SERVICE}`,
    companyService: `${subsystemText(layout, agencies.business)}/${COMPANY_SERVICE}`,
    companySettingsFile: companySettings(layout),
    mandateSettingsFile: agencies.health === undefined ? undefined : mandateSettings(layout),
    counterSettingsFile: agencies.health === undefined ? undefined : folderOf(layout, `${COUNTER}.yaml`),
    registers:
      agencies.health === undefined ? undefined : { incomes: systems.incomes, insured: systems.insured },
    ...(office !== undefined && {
      office: { ...office, ...asker(agencies.health!, systems.applications) },
      ...(!isPast && { offersFile: benefitSettings(layout) }),
    }),
    ...(layout.portal !== undefined && {
      mail: {
        ...{ address: layout.portal.address, port: layout.portal.mail },
        directory: folderOf(layout, MAIL_FOLDER),
      },
    }),
    archive: archiveSettings(layout),
    authorityFile: folderOf(layout, 'trust/root.pem'),
    askers: [asker(agencies.tax, systems.taxAgency), asker(agencies.business, systems.businessRegister)],
  }
}
