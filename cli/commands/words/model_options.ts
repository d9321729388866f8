import { type Command, InvalidArgumentError, Option } from 'commander';
import { dollars, type Price } from '../../../words/cost.ts';
import { APIS, type Endpoint } from '../../../words/model.ts';
import { CommandError, usageError } from '../../failures.ts';

/** How a command reaches a model, and what that may cost. */
export interface ModelOptions {
  readonly api: Endpoint['api'];
  readonly baseUrl?: string;
  readonly price?: Price;
  readonly maxCost: number;
}

/** Adds the options of {@link ModelOptions} to a command. */
export const withModelOptions = (command: Command): Command =>
  command
    .addOption(new Option('--api <api>', 'what the endpoint speaks').choices(APIS).default('anthropic'))
    .option('--base-url <url>', "the endpoint; else the API's own")
    .option(
      '--price <in,out>',
      'US dollars for a million tokens in and out; 0,0 for a model of your own',
      price,
    )
    .option('--max-cost <dollars>', 'what it may cost at most', amount, 5);

const HOME: Record<Endpoint['api'], { url: string; key: string }> = {
  openai: { url: 'https://api.openai.com/v1', key: 'OPENAI_API_KEY' },
  anthropic: { url: 'https://api.anthropic.com/v1', key: 'ANTHROPIC_API_KEY' },
};
const KEY = 'MILLWRIGHT_MODEL_KEY';

/**
 * The endpoint of the options, with its key from the environment. The key of an API goes to that API only; another
 * address gets `MILLWRIGHT_MODEL_KEY` or none. Throws a `CommandError` for a bad address or a missing key.
 */
export function endpointOf({ api, baseUrl }: ModelOptions, env = process.env): Omit<Endpoint, 'model'> {
  const home = HOME[api];
  if (baseUrl === undefined) {
    const key = env[KEY] ?? env[home.key];
    if (!key)
      throw usageError(
        'MODEL_KEY',
        `${home.key} is not set.`,
        'Set it, or name another endpoint with --base-url.',
      );
    return { api, baseUrl: home.url, key };
  }
  const url = URL.parse(baseUrl);
  if (!url || !/^https?:$/.test(url.protocol))
    throw usageError(
      'BASE_URL',
      'That is no address of an endpoint.',
      'Give an http or https URL that ends before /messages or /chat.',
    );
  const isPlain = url.protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (isPlain && env[KEY])
    throw usageError('BASE_URL', 'A key is sent over https only.', `Give an https URL, or unset ${KEY}.`);
  return { api, baseUrl, key: env[KEY] };
}

/** The price that was given. Nobody knows what an unknown one comes to, so there is none without. */
export function priceOf({ price: given }: ModelOptions): Price {
  if (given) return given;
  throw usageError(
    'PRICE',
    'The price of the model is not known.',
    'Give it with --price IN,OUT in US dollars for a million tokens.',
  );
}

function amount(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('Give a number of dollars.');
  return value;
}

function price(text: string): Price {
  const [input, output, more] = text.split(',').map(amount);
  if (input === undefined || output === undefined || more !== undefined)
    throw new InvalidArgumentError('Give two numbers, such as 3,15.');
  return { input, output };
}

/** What is asked for costs more than may be spent; `remedy` says how to ask for less. */
export const tooDear = (cost: number, cap: number, remedy: string) =>
  new CommandError('COST', `It would cost about ${dollars(cost)}, and ${dollars(cap)} are allowed.`, remedy);
