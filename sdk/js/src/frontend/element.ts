import { ConnectError, type ConnectFault, type ConnectResult } from './error.js';
import { Patchbay } from './patchbay.js';

const NAME = 'patchbay-connect';

declare global {
  interface HTMLElementEventMap {
    'patchbay-connected': CustomEvent<ConnectResult>;
    'patchbay-error': CustomEvent<{ integrationName: string; userId: string; error: ConnectFault }>;
  }
}

/**
 * Defines `<patchbay-connect host session-token integration user-id>`: a button that connects, labelled by what the
 * element holds. Give it a link to the connect session's url, which works where no script runs. It fires
 * `patchbay-connected` and `patchbay-error`, whose detail is what `connect` resolves to or rejects with.
 */
export function defineConnectElement(): void {
  if (customElements.get(NAME)) {
    return;
  }
  // Here, so that importing the library on a server, where there is no HTMLElement, does no harm.
  customElements.define(NAME, class extends HTMLElement {
    connectedCallback(): void {
      // While the page is being read, the element comes before what it holds.
      if (document.readyState === 'loading') {
        document.addEventListener('DOMContentLoaded', () => this.#ensureButton(), { once: true });
      } else {
        this.#ensureButton();
      }
    }

    #ensureButton(): void {
      if (this.querySelector('button')) {
        return; // moved in the page
      }
      const label = this.querySelector('a') ?? this;
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...label.childNodes);
      if (!button.hasChildNodes()) {
        button.append(`Connect ${this.#attribute('integration')}`);
      }
      button.addEventListener('click', () => this.#connect(button));
      this.replaceChildren(button);
    }

    async #connect(button: HTMLButtonElement): Promise<void> {
      const integration = this.#attribute('integration');
      const userId = this.#attribute('user-id');
      const hadFocus = document.activeElement === button;
      button.disabled = true;
      button.setAttribute('aria-busy', 'true');
      try {
        const patchbay = new Patchbay(this.#attribute('host'), { sessionToken: this.#attribute('session-token') });
        this.#fire('patchbay-connected', await patchbay.connect(integration, userId));
      } catch (reason) {
        if (!(reason instanceof ConnectError)) {
          throw reason; // an attribute that is wrong is for the console
        }
        this.#fire('patchbay-error', { integrationName: integration, userId, error: reason.error });
      } finally {
        button.disabled = false;
        button.removeAttribute('aria-busy');
        if (hadFocus && document.activeElement === document.body) {
          button.focus(); // which a disabled button loses
        }
      }
    }

    #attribute(name: string): string {
      return this.getAttribute(name) ?? '';
    }

    #fire(type: string, detail: object): void {
      this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
    }
  });
}
