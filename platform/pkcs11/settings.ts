/** The settings of a hardware token. */

export const hardwareTokenProperties = {
  socket: {
    type: 'string',
    'x-path': true,
    maxLength: 100,
    description: 'The Unix socket of a p11-kit server that runs the PKCS #11 module',
  },
  label: { type: 'string', minLength: 1, maxLength: 32, description: 'The label of the token' },
  serialNumber: {
    type: 'string',
    minLength: 1,
    maxLength: 16,
    description: 'The serial number of the token, where several carry the label',
  },
} as const
