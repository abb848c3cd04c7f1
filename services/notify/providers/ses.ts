/** E-mail by Amazon SES. */
import {
  SESv2Client,
  type SESv2ClientConfig,
  SESv2ServiceException,
  SendEmailCommand,
} from '@aws-sdk/client-sesv2'
import type { OutgoingMessage, Provider, SendResult } from '../provider.ts'
import { badAccount, badMessage, type RefusalRule, refused, refusedByStatus } from './refusal.ts'
import { isUnavailableStatus, ProviderUnavailable, unavailable } from './unavailable.ts'

export interface SesOptions {
  /** Amazon's own of the region where left out. */
  readonly endpoint: string | undefined
  readonly region: string
  /** Left out, the SDK finds the role of the pod or the machine. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** Names the set whose events go to our topic. */
  readonly configurationSet: string | undefined
  readonly from: { readonly email: string; readonly name: string }
  readonly hasReceipts: boolean
}

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors */
const REFUSALS: Readonly<Record<string, RefusalRule>> = {
  AccessDeniedException: badAccount('the credentials lack the right'),
  AccountSuspendedException: badAccount('the account is suspended'),
  BadRequestException: badMessage('the request is not accepted'),
  IncompleteSignature: badAccount('the credentials are not accepted'),
  InvalidClientTokenId: badAccount('the credentials are not accepted'),
  MailFromDomainNotVerifiedException: badAccount('the sender’s domain is not verified'),
  MessageRejected: badMessage('the message is rejected'),
  NotFoundException: badAccount('the configuration set does not exist'),
  SendingPausedException: badAccount('sending is paused'),
  SignatureDoesNotMatch: badAccount('the credentials are not accepted'),
  UnrecognizedClientException: badAccount('the credentials are not accepted'),
  ValidationException: badMessage('the request is not accepted'),
}

/** Rates and quotas come as status 400. */
const UNAVAILABLE = new Set(['LimitExceededException', 'ThrottlingException', 'TooManyRequestsException'])

/** Well above what one process has under way: past it the SDK lets requests wait, and warns on the console. */
const SOCKETS_MAX = 256

/** RFC 5322: a display name may hold anything between quotes but these two, unescaped. */
function mailbox({ name, email }: SesOptions['from']): string {
  return `"${name.replaceAll(/["\\]/g, '\\$&')}" <${email}>`
}

function utf8(text: string) {
  return { Data: text, Charset: 'UTF-8' }
}

export function createSes(options: SesOptions): Provider {
  const { endpoint, region, credentials, configurationSet, from, hasReceipts } = options
  const clientConfig: SESv2ClientConfig = {
    region,
    // Retries are the sender's, who also has another provider.
    maxAttempts: 1,
    requestHandler: { httpsAgent: { maxSockets: SOCKETS_MAX }, httpAgent: { maxSockets: SOCKETS_MAX } },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  }
  const client = new SESv2Client(clientConfig)

  function command(message: OutgoingMessage): SendEmailCommand {
    return new SendEmailCommand({
      FromEmailAddress: mailbox(from),
      Destination: { ToAddresses: [message.to] },
      ...(configurationSet === undefined ? {} : { ConfigurationSetName: configurationSet }),
      Content: {
        Simple: {
          Subject: utf8(message.subject ?? ''),
          Body: {
            Text: utf8(message.text),
            ...(message.html === undefined ? {} : { Html: utf8(message.html) }),
          },
        },
      },
    })
  }

  return {
    name: 'ses',
    channel: 'email',
    hasReceipts,
    async send(message: OutgoingMessage, signal: AbortSignal): Promise<SendResult> {
      try {
        const { MessageId } = await client.send(command(message), { abortSignal: signal })
        if (MessageId === undefined) throw new ProviderUnavailable('ses', 'no_message_id')
        return { kind: 'accepted', providerId: MessageId }
      } catch (error) {
        if (error instanceof ProviderUnavailable) throw error
        if (!(error instanceof SESv2ServiceException)) throw unavailable('ses', error, signal)
        const status = error.$metadata.httpStatusCode ?? 0
        if (UNAVAILABLE.has(error.name) || isUnavailableStatus(status))
          throw new ProviderUnavailable('ses', error.name)
        const rule = REFUSALS[error.name]
        return rule === undefined ? refusedByStatus(status, error.name) : refused(error.name, rule)
      }
    },
  }
}
