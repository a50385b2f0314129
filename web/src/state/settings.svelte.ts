// The settings that the server keeps for all tabs.
import { call, get } from "../api/client";
import type { AppSettings } from "../api/types";

class ServerSettings {
  now = $state.raw<AppSettings>({
    version: "", default_model: null, pins: [], recent: [], system: "", titles: true,
    limits: { attachment_bytes: 33_554_432, attachments: 16, message_chars: 2_000_000 },
  });

  async load(): Promise<void> {
    this.now = await get<AppSettings>("/settings");
  }

  async change(fields: Partial<Omit<AppSettings, "version" | "limits">>): Promise<void> {
    const before = this.now;
    this.now = { ...before, ...fields };
    try {
      this.now = await call<AppSettings>("PATCH", "/settings", fields);
    } catch (error) {
      this.now = before;
      throw error;
    }
  }

  togglePin(id: string): Promise<void> {
    const pins = this.now.pins.includes(id) ? this.now.pins.filter((pin) => pin !== id) : [...this.now.pins, id];
    return this.change({ pins });
  }
}

export const settings = new ServerSettings();
