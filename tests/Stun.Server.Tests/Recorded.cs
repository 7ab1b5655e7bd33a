using System.Diagnostics.Metrics;

namespace Stun.Server.Tests;

/// <summary>What a meter's instruments say now: by name and tag values, in their order.</summary>
internal static class Recorded
{
    public static IReadOnlyDictionary<string, long> Of(Meter meter)
    {
        var values = new Dictionary<string, long>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (ReferenceEquals(instrument.Meter, meter)) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => values.Add(KeyOf(instrument, tags), value));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => values.Add(KeyOf(instrument, tags), value));
        listener.Start();
        listener.RecordObservableInstruments();
        return values;
    }

    private static string KeyOf(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
        string.Join(' ', [instrument.Name, .. tags.ToArray().Select(tag => $"{tag.Value}")]);
}
