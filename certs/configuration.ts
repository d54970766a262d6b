/** The settings of the trust services' process. */
export type TrustServicesSettings = {
  instance: string
  directory: string
  host: string
  caPort: number
  ocspPort: number
  tsaPort: number
  keyKind: 'P-256' | 'RSA-2048' | 'RSA-3072'
  ocspValiditySeconds: number
  apiKeyFile?: string
  openIdPort: number
  openIdFile?: string
  logLevel: string
}

const port = { type: 'integer', minimum: 0, maximum: 65535 }

/** JSON Schema 2020-12; certs/trust-services.example.yaml shows every setting. */
export const trustServicesSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['instance', 'directory'],
  properties: {
    instance: { type: 'string', minLength: 1, maxLength: 255 },
    directory: { type: 'string', minLength: 1, 'x-path': true },
    host: { type: 'string', default: '127.0.0.1' },
    caPort: { ...port, default: 8888 },
    ocspPort: { ...port, default: 8889 },
    tsaPort: { ...port, default: 8899 },
    keyKind: { type: 'string', enum: ['P-256', 'RSA-2048', 'RSA-3072'], default: 'P-256' },
    ocspValiditySeconds: { type: 'integer', minimum: 1, maximum: 2_592_000, default: 3600 },
    apiKeyFile: { type: 'string', 'x-path': true },
    openIdPort: { ...port, minimum: 1, default: 8890 },
    openIdFile: { type: 'string', 'x-path': true },
    logLevel: {
      type: 'string',
      enum: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
    },
  },
}
